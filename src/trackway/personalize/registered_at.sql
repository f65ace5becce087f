-- The user id of identities, and when they registered: in 2299 for those who never did.
SELECT
    identity, max(user_id) AS user_id,
    min(if({{ counts }}, registered_at, toDateTime64('2299-01-01 00:00:00', 3, 'UTC'))) AS registered_at
FROM customers
WHERE project_id = {project:UUID} AND identity IN {identities:Array(UInt64)}
GROUP BY identity
