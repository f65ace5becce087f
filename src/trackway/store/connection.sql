{% macro columns() %}
SELECT table, groupArray(name) AS names FROM system.columns WHERE database = currentDatabase() GROUP BY table
{% endmacro %}
