-- All orders and bookings of these people, in total; a person can have several identities.
SELECT
    {{ person }} AS person,
    sum(o.orders) AS all_orders,
    sum(o.bookings) AS all_bookings,
    sumMap(o.paid) AS paid,
    sum(o.value) AS value,
    sum(o.unconverted) AS unconverted,
    max((o.last_order, o.last_order_id, o.last_amount, toString(o.last_currency))) AS last_order,
    max((o.last_booking, o.last_service)) AS last_booking
FROM
(
    SELECT * FROM order_totals FINAL
    WHERE project_id = {project:UUID}
      AND identity IN {identities:Array(UInt64)}
) AS o
GROUP BY person
