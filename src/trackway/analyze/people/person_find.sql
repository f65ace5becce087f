-- The person of an id: by the newest session or order with it.
{% set newest = "max((f.at, f.person, f.visitor_id))" %}
SELECT {{ newest }}.2 AS person, {{ newest }}.3 AS visitor_id, max(f.user_id) AS user_id, count() AS found
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
) AS f
