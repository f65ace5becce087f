-- What was ordered and booked, by {{ interval }}s of the project's time zone; `at` 0 is the whole period. Less refunds, and in the project's
-- currency as far as there are rates.
{% from "time.sql" import bucket %}
SELECT
    {{ bucket("o.placed_at", interval) }} AS at,
    count() AS purchases,
    countIf(o.kind = 'booking') AS bookings,
    uniqExact(o.person) AS buyers,
    sum(o.value) AS value,
    countIf(NOT o.converted) AS unconverted,
    countIf(o.refunded > 0) AS refunded_purchases,
    sumMap(map(toString(o.currency), toDecimal128(o.amount, 4))) AS amounts,
    sumMap(map(toString(o.currency), toDecimal128(o.refunded, 4))) AS refunds
FROM
(
    SELECT {{ person }} AS person, kind, placed_at, value, converted, refunded, amount, currency
    FROM orders_valued
    WHERE project_id = {project:UUID}
      AND counts
      AND placed_at >= {start:DateTime64(3,'UTC')}
      AND placed_at < {end:DateTime64(3,'UTC')}
      {{ people_filter }}
) AS o
GROUP BY GROUPING SETS ((at), ())
ORDER BY at
