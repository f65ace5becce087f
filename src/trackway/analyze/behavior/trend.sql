-- A metric by hour, day, week or month of the project's time zone; `at` 0 is the whole period.
{% from "language/time.sql" import bucket %}
{% from "language/orders.sql" import orders_with_events, valued, worth %}
{% set table %}
{% if source.table == "orders_with_events" %}
{{ orders_with_events(order_names) }}
{% elif source.table == "orders" %}
(SELECT identity, at AS ordered_at, {{ worth() }} AS worth, {project:UUID} AS project_id FROM {{ valued() }})
{% else %}
{{ source.table }}
{% endif %}
{% endset %}
SELECT
    {{ bucket(source.at, interval) }} AS at,
{% if source.dimensions %}
    if([{{ source.dimensions | join(", ") }}] IN
    (
        SELECT [{{ source.dimensions | join(", ") }}] AS parts
        FROM {{ table | trim }}
        WHERE project_id = {project:UUID}
          AND {{ source.at }} >= {start:DateTime64(3,'UTC')}
          AND {{ source.at }} < {end:DateTime64(3,'UTC')}
          AND {{ source.conditions }}
        GROUP BY parts
        ORDER BY {{ source.value }} DESC, parts
        LIMIT {top:UInt32}
    ), [{{ source.dimensions | join(", ") }}], emptyArrayString()) AS parts,
    grouping(parts) AS whole,
{% endif %}
    {{ source.value if money else "toFloat64(" ~ source.value ~ ")" }} AS value
FROM {{ table | trim }}
WHERE project_id = {project:UUID}
  AND {{ source.at }} >= {start:DateTime64(3,'UTC')}
  AND {{ source.at }} < {end:DateTime64(3,'UTC')}
  AND {{ source.conditions }}
{% if source.dimensions %}
GROUP BY GROUPING SETS ((at, parts), (parts), (at), ())
{% else %}
GROUP BY GROUPING SETS ((at), ())
{% endif %}
ORDER BY at
