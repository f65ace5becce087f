{% macro tables() %}
SELECT name, data_paths[1] AS path, position(engine_full, ' TTL ') > 0 AS expires
FROM system.tables
WHERE database = currentDatabase() AND engine LIKE '%MergeTree'
{% endmacro %}

{% macro parts() %}
SELECT table, name, rows FROM system.parts WHERE active AND database = currentDatabase()
{% endmacro %}
