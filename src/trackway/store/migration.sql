{% macro has_migrations() %}
SELECT name FROM system.tables WHERE database = currentDatabase() AND name = 'migrations'
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

{# The tables that do not state a setting. #}
{% macro without_setting() %}
SELECT name
FROM system.tables
WHERE database = currentDatabase()
  AND engine LIKE '%MergeTree'
  AND position(engine_full, {setting:String}) = 0
{% endmacro %}

{% macro has_rows() %}
SELECT sum(total_rows) AS n FROM system.tables WHERE database = currentDatabase() AND name IN ('events', 'entities')
{% endmacro %}
