-- The amount of orders and bookings of these visitors, less refunds, by currency.
SELECT
    visitor_id,
    sumMap(map(toString(currency), paid)) AS revenue
FROM (SELECT visitor_id, currency, paid FROM orders FINAL WHERE project_id = {project:UUID} AND visitor_id IN {ids:Array(String)} AND has_money)
GROUP BY visitor_id
