-- The orders of each person until the end of the period: first and last day, the number of days with orders after the
-- first, and the amount paid. An order or booking counts once by id, less refunds.
{% from "language/orders.sql" import orders_with_events %}
SELECT
    o.person AS person,
    max((o.day, o.shown)).2.2 AS name,
    max(o.user_id) AS user_id,
    max((o.day, o.shown)).2.1 AS visitor_id,
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
        toDate(e.ordered_at, {timezone:String}) AS day,
        max((e.visitor_id, toString(e.visitor_name))) AS shown,
        max(e.user_id) AS user_id,
        sum(e.amount) AS amount
    FROM
    (
        SELECT identity, visitor_id, visitor_name, user_id, ordered_at, worth AS amount
        FROM {{ orders_with_events(order_names, "toDateTime64(0, 3, 'UTC')", "at < {end:DateTime64(3,'UTC')}") }}
        WHERE counts AND kind IN {kinds:Array(String)}
          {{ order_filter }}
        UNION ALL
        SELECT identity, visitor_id, visitor_name, user_id, timestamp AS ordered_at,
            if(currency IN ('', {currency:String}), toDecimal128(revenue, 4), 0) AS amount
        FROM events
        WHERE project_id = {project:UUID}
          AND name IN {orders:Array(String)}
          AND timestamp < {end:DateTime64(3,'UTC')}
          {{ event_filter }}
    ) AS e
    GROUP BY person, day
) AS o
GROUP BY person
ORDER BY person
