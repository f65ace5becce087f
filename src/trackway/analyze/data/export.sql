-- The rows of a table in a stretch of time.
SELECT {{ of.columns }}
FROM {{ of.source }}
WHERE {% include "data/export_where.sql" %}

ORDER BY {{ of.order }}
