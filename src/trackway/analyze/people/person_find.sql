-- The person of an id: by the newest session or order with it.
SELECT argMax(person, at) AS person, argMax(visitor_id, at) AS visitor_id, max(user_id) AS user_id, count() AS found
FROM
(
    SELECT {{ person }} AS person, s.visitor_id AS visitor_id, s.user_id AS user_id, s.ended_at AS at
    FROM sessions AS s FINAL
    WHERE project_id = {project:UUID}
      AND {{ condition }}
    UNION ALL
    SELECT {{ person }} AS person, s.visitor_id AS visitor_id, s.user_id AS user_id, s.last_seen AS at
    FROM customers AS s
    WHERE project_id = {project:UUID}
      AND {{ condition }}
)
