-- When other users began sessions of these visitors.
SELECT visitor_id, user_id, started_at
FROM sessions FINAL
WHERE project_id = {project:UUID}
  AND started_at >= {since:DateTime64(3,'UTC')}
  AND visitor_id IN {visitors:Array(String)}
  AND user_id != ''
