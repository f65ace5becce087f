-- The last half hour, minute by minute.
SELECT
    toUnixTimestamp(toStartOfMinute(timestamp)) AS minute,
    uniqExact(visitor_id) AS visitors,
    countIf(type IN ('page', 'screen')) AS page_views,
    count() AS events
FROM events
WHERE project_id = {project:UUID}
  AND timestamp >= {since:DateTime64(3,'UTC')}
  {{ event_filter }}
GROUP BY minute
ORDER BY minute
