-- A person's orders and bookings, the newest first, including those that no longer count.
SELECT
    kind, order_id, placed_at, amount, refunded, currency, service, counts
FROM (SELECT *, counts, refunded FROM orders FINAL WHERE project_id = {project:UUID} AND identity IN {identities:Array(UInt64)} AND NOT gone)
ORDER BY placed_at DESC, order_id
LIMIT {limit:UInt32}
