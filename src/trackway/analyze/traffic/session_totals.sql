-- Totals of sessions: their number, how many have ended, their duration and depth.
SELECT
    count() AS sessions,
    uniqExact(xxh3(visitor_id)) AS visitors,
    countIf(
        closed OR ended_at <= {active_since:DateTime64(3,'UTC')} OR session_id IN ({% include "language/taken_over.sql" %})
    ) AS ended,
    if(sessions = 0, NULL, ended / sessions) AS end_rate,
    countIf(acts <= 1) AS bounces,
    if(sessions = 0, NULL, bounces / sessions) AS bounce_rate,
    avgOrNull(dateDiff('millisecond', started_at, ended_at)) / 1000 AS mean_duration_s,
    quantileExactOrNull(0.5)(dateDiff('millisecond', started_at, ended_at)) / 1000 AS median_duration_s,
    avgOrNull(page_views) AS depth,
    avgOrNull(events) AS events_each
FROM sessions FINAL
WHERE project_id = {project:UUID}
  AND started_at >= {start:DateTime64(3,'UTC')}
  AND started_at < {end:DateTime64(3,'UTC')}
  {{ session_filter }}
