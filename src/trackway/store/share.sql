{# The tables that recognize a repeated insert, and remember fewer of them than wanted. #}
{% macro deduplicating() %}
SELECT name, engine
FROM system.tables
WHERE database = currentDatabase()
  AND engine LIKE '%MergeTree'
  AND position(engine_full, 'deduplication_window') > 0
  AND position(engine_full, concat('deduplication_window = ', toString({wanted:UInt32}))) = 0
{% endmacro %}
