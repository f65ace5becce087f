{# The number of rows that entries of the log became. #}
{% macro counts() %}
SELECT
    (SELECT count() FROM events) AS events,
    (SELECT countIf(bot != '') FROM events) AS bots,
    (SELECT count() FROM rejections) AS refused,
    (SELECT count() FROM dead_letters FINAL WHERE record != '') AS letters
{% endmacro %}

{# Columns that have lightweight updates. #}
{% macro updated_columns() %}
SELECT DISTINCT table, column
FROM system.parts_columns
WHERE active
  AND startsWith(name, 'patch-')
  AND database = currentDatabase()
  AND NOT startsWith(column, '_')
ORDER BY table, column
{% endmacro %}
