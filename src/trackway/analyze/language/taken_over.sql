-- Sessions that would still be active, but were ended by a change of user: another known user has started a session of
-- the same visitor.
SELECT DISTINCT f.session_id AS session_id
FROM
(
    SELECT session_id, visitor_id, user_id, ended_at FROM sessions FINAL
    WHERE project_id = {project:UUID} AND started_at >= {start:DateTime64(3,'UTC')}
      AND ended_at > {active_since:DateTime64(3,'UTC')} AND NOT closed AND user_id != ''
) AS f
INNER JOIN
(
    SELECT visitor_id, user_id, started_at FROM sessions FINAL
    WHERE project_id = {project:UUID} AND started_at > {active_since:DateTime64(3,'UTC')} AND user_id != ''
) AS l ON l.visitor_id = f.visitor_id
WHERE l.user_id != f.user_id AND l.started_at >= f.ended_at
