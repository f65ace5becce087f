-- Customers by RFM segment: their number, their orders, and their expected orders.
SELECT
    s.rfm AS rfm,
    count() AS customers,
    sum(t.purchases) AS purchases,
    sum(t.value) AS value,
    avg(if(s.active < 0, NULL, s.active)) AS active,
    sumIf(s.expected_orders, s.expected_orders >= 0) AS expected_orders,
    sumIf(s.expected_value, s.expected_value >= 0) AS expected_value,
    max(s.scored_at) AS scored_at
FROM
(
    SELECT {{ person }} AS person, argMax(c.rfm, (c.active, c.rfm)) AS rfm, max(c.active) AS active,
        max(c.expected_orders) AS expected_orders, max(c.expected_value) AS expected_value, max(c.scored_at) AS scored_at
    FROM customer_scores AS c FINAL
    WHERE project_id = {project:UUID}
      {{ people_filter }}
    GROUP BY person
) AS s
LEFT JOIN
(
    SELECT {{ person }} AS person, sum(o.orders + o.bookings) AS purchases, sum(o.value) AS value
    FROM order_totals AS o FINAL
    WHERE project_id = {project:UUID}
    GROUP BY person
) AS t ON s.person = t.person
GROUP BY rfm
ORDER BY value DESC, rfm
