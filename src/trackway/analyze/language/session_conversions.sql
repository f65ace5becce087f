-- For each session: its number of conversions, and the value of the orders placed in it, less refunds.
WITH of_sessions AS
(
    SELECT DISTINCT identity
    FROM sessions
    WHERE project_id = {project:UUID}
      AND started_at >= {since:DateTime64(3,'UTC')}
      AND started_at <= {until:DateTime64(3,'UTC')}
      AND session_id IN {sessions:Array(UUID)}
)
SELECT session_id, sum(c.conversions) AS conversions, sum(c.value) AS value
FROM
(
    SELECT session_id, count() AS conversions, toFloat64(0) AS value
    FROM events
    WHERE project_id = {project:UUID}
      AND name IN {goals:Array(String)}
      AND timestamp >= {since:DateTime64(3,'UTC')}
      AND timestamp <= {until:DateTime64(3,'UTC')}
      AND session_id IN {sessions:Array(UUID)}
    GROUP BY session_id
    UNION ALL
    SELECT o.session_id AS session_id, 0 AS conversions, toFloat64(sumIf(v.value, v.has_money)) AS value
    FROM
    (
        SELECT identity, kind, order_id, session_id
        FROM orders FINAL
        WHERE project_id = {project:UUID}
          AND identity IN (SELECT identity FROM of_sessions)
          AND session_id IN {sessions:Array(UUID)}
    ) AS o
    INNER JOIN
    (
        SELECT identity, kind, order_id, value, has_money
        FROM orders_valued
        WHERE project_id = {project:UUID}
          AND identity IN (SELECT identity FROM of_sessions)
    ) AS v ON o.identity = v.identity AND o.kind = v.kind AND o.order_id = v.order_id
    GROUP BY session_id
) AS c
GROUP BY session_id
