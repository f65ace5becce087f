-- The purchases of each customer until the end of the period, by days with orders or bookings: the days after the
-- first, the amounts, and the days from the first purchase to the last and to the end.
SELECT
    d.person AS person,
    count() - 1 AS repeats,
    sum(d.value) AS paid,
    argMin(d.value, d.day) AS paid_first,
    toInt32(dateDiff('day', min(d.day), toDate({end:DateTime64(3,'UTC')} - INTERVAL 1 MILLISECOND, {timezone:String}))) AS age_days,
    toInt32(dateDiff('day', min(d.day), max(d.day))) AS recency_days,
    sum(d.orders) AS orders
FROM
(
    SELECT
        {{ person }} AS person,
        toDate(o.placed_at, {timezone:String}) AS day,
        toFloat64(sum(o.value)) AS value,
        count() AS orders
    FROM orders_valued AS o
    WHERE o.project_id = {project:UUID}
      AND o.counts
      AND o.placed_at < {end:DateTime64(3,'UTC')}
    GROUP BY person, day
) AS d
GROUP BY person
ORDER BY person
