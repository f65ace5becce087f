-- A person's sessions, newest first.
SELECT
    session_id, visitor_id, visitor_name, user_id, started_at, ended_at,
    dateDiff('millisecond', started_at, ended_at) / 1000 AS duration_s,
    events, page_views, entry_path, exit_path, referrer_host, channel, source, medium, campaign,
    device, browser, system, country, region, city, bot
FROM sessions FINAL
WHERE project_id = {project:UUID}
  AND identity IN {identities:Array(UInt64)}
ORDER BY started_at DESC, session_id
LIMIT {limit:UInt32}
