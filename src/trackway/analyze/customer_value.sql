-- What each person ordered until the end of the period: first and last day, days with orders after the first, what they paid on those.
SELECT
    o.person AS person,
    any(o.name) AS name,
    max(o.user_id) AS user_id,
    argMax(o.visitor_id, o.day) AS visitor_id,
    min(o.day) AS first_order,
    max(o.day) AS last_order,
    count() - 1 AS repeats,
    sum(o.amount) AS paid,
    argMin(o.amount, o.day) AS paid_first,
    toInt32(toDate({end:DateTime64(3,'UTC')} - INTERVAL 1 MILLISECOND, {timezone:String}) - first_order) AS age_days,
    toInt32(last_order - first_order) AS recency_days
FROM
(
    SELECT
        {{ person }} AS person,
        toDate(e.timestamp, {timezone:String}) AS day,
        any(e.visitor_name) AS name,
        max(e.user_id) AS user_id,
        any(e.visitor_id) AS visitor_id,
        sum(if(e.currency IN ('', {currency:String}), toDecimal128(e.revenue, 4), 0)) AS amount
    FROM events AS e
    WHERE project_id = {project:UUID}
      AND e.name IN {orders:Array(String)}
      AND timestamp < {end:DateTime64(3,'UTC')}
      {{ event_filter }}
    GROUP BY person, day
) AS o
GROUP BY person
ORDER BY person
