-- Visitors with an event in the last five minutes, and the page that each is on. The filter is in a statement of its own:
-- beside the aggregates, `country` would be the alias.
SELECT
    visitor_id,
    any(visitor_name) AS visitor_name,
    max(timestamp) AS last_seen,
    argMaxIf(path, timestamp, type IN ('page', 'screen')) AS path,
    argMax(country, timestamp) AS country,
    argMax(device, timestamp) AS device,
    argMax(source, timestamp) AS source,
    count() AS events
FROM
(
    SELECT visitor_id, visitor_name, timestamp, type, path, country, device, source
    FROM events
    WHERE project_id = {project:UUID}
      AND timestamp >= {now_since:DateTime64(3,'UTC')}
      {{ event_filter }}
)
GROUP BY visitor_id
ORDER BY last_seen DESC
