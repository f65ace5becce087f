{% macro columns() %}
SELECT table, groupArray(name) AS names FROM system.columns WHERE database = currentDatabase() GROUP BY table
{% endmacro %}

{% macro create_migrations() %}
CREATE TABLE IF NOT EXISTS migrations
(
    name String,
    applied_at DateTime('UTC') DEFAULT now()
)
ENGINE = MergeTree
ORDER BY name
{% endmacro %}

{# The tables that do not state yet how long the engine keeps merged parts. #}
{% macro without_lifetime() %}
SELECT name
FROM system.tables
WHERE database = currentDatabase()
  AND engine LIKE '%MergeTree'
  AND position(engine_full, 'old_parts_lifetime') = 0
{% endmacro %}

{% macro statement_of() %}
SELECT as_select AS text, currentDatabase() AS place
FROM system.tables
WHERE database = currentDatabase() AND name = {name:String}
{% endmacro %}

{% macro target_of() %}
SELECT create_table_query AS text
FROM system.tables
WHERE database = currentDatabase() AND name = {name:String}
{% endmacro %}
