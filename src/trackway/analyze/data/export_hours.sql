-- The number of rows of a table in each hour, so that it can be read in parts.
SELECT toUnixTimestamp(toStartOfHour({{ of.at }}, 'UTC')) AS hour, count() AS n
FROM {{ of.source }}
WHERE {% include "data/export_where.sql" %}

GROUP BY hour
ORDER BY hour
