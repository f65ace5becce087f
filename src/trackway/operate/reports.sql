{# The entities of a project whose owners are notified of views. #}
{% macro notified() %}
SELECT entity_type, entity_id, name, notify
FROM entities FINAL
WHERE project_id = {project:UUID} AND notify != '' AND NOT deleted
{% endmacro %}
