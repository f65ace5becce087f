-- Whose an id is: by the newest session with it.
SELECT argMax({{ person }}, s.ended_at) AS person, argMax(s.visitor_id, s.ended_at) AS visitor_id, max(s.user_id) AS user_id, count() AS sessions
FROM sessions AS s FINAL
WHERE project_id = {project:UUID}
  AND {{ condition }}
