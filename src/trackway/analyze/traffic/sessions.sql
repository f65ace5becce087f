-- Sessions, the newest first or sorted otherwise.
SELECT
    session_id, visitor_id, visitor_name, user_id, started_at, ended_at,
    dateDiff('millisecond', started_at, ended_at) / 1000 AS duration_s,
    NOT closed AND ended_at > {active_since:DateTime64(3,'UTC')} AS active,
    events, page_views, entry_path, exit_path, referrer_host, channel, source, medium, campaign,
    device, browser, system, country, region, city, bot
FROM sessions FINAL
WHERE project_id = {project:UUID}
  AND started_at >= {since:DateTime64(3,'UTC')}
  AND started_at < {until:DateTime64(3,'UTC')}
  {{ session_filter }}
ORDER BY {{ order }}started_at DESC, session_id
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
