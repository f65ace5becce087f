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

{# The tables last, because the others depend on them. #}
{% macro objects() %}
SELECT
    name,
    multiIf(endsWith(engine, 'View'), 'VIEW', engine = 'Dictionary', 'DICTIONARY', 'TABLE') AS kind,
    if(kind = 'TABLE', ifNull(total_rows, 0), 0) AS rows
FROM system.tables
WHERE database = currentDatabase()
ORDER BY kind = 'TABLE', kind = 'DICTIONARY'
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
