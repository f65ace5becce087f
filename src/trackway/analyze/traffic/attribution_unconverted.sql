-- The number of the period's orders in a currency without an exchange rate.
SELECT countIf(NOT converted AND currency NOT IN ('', {currency:String})) AS orders
FROM orders_valued
WHERE project_id = {project:UUID} AND counts
  AND placed_at >= {start:DateTime64(3,'UTC')} AND placed_at < {end:DateTime64(3,'UTC')}
  {{ people_filter }}
