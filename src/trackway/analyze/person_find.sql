-- Whose an id is: by the newest session with it.
SELECT argMax({{ person }}, ended_at) AS person, argMax(visitor_id, ended_at) AS visitor_id, max(user_id) AS user_id, count() AS sessions
FROM sessions FINAL
WHERE project_id = {project:UUID}
  AND {{ having }}
