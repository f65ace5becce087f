-- Orders and bookings less refunds, by {{ interval }}s of the project's time zone; `at` 0 is the whole period. Values
-- are in the project's currency, as far as there are exchange rates. A refund of an order that was never completed
-- reduces the value and is not a purchase.
{% from "language/time.sql" import bucket %}
{% from "language/orders.sql" import valued, worth %}
SELECT
    {{ bucket("o.at", interval) }} AS at,
    countIf(o.counts) AS purchases,
    countIf(o.counts AND o.kind = 'booking') AS bookings,
    uniqExactIf(o.person, o.counts) AS buyers,
    sum(o.value) AS value,
    sumIf(o.value, o.counts) AS purchased,
    countIf(o.counts AND NOT o.converted) AS unconverted,
    countIf(o.refunded > 0) AS refunded_purchases,
    sumMap(map(toString(o.currency), toDecimal128(o.amount, 4))) AS amounts,
    sumMap(map(toString(o.currency), toDecimal128(o.refunded, 4))) AS refunds
FROM
(
    SELECT {{ person }} AS person, kind, at, counts, {{ worth() }} AS value, converted OR currency = '' OR currency = {currency:String} AS converted, refunded, amount, currency
    FROM {{ valued() }}
    WHERE 1
      {{ people_filter }}
) AS o
GROUP BY GROUPING SETS ((at), ())
ORDER BY at
