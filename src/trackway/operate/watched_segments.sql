{# The recorded members of a watch, and the person that each identity belongs to now. #}
{% macro before() %}
SELECT identity, identity + dictGet('persons', 'delta', identity) AS person
FROM watch_members FINAL
WHERE project_id = {project:UUID} AND watch_id = {watch:UUID} AND inside
{% endmacro %}
