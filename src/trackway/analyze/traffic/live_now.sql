-- Visitors with an event in the last five minutes, and the page that each is on. The filter is in a statement of its own:
-- beside the aggregates, `country` would be the alias.
{% set newest = "max((e.timestamp, toString(e.country), toString(e.device), toString(e.source)))" %}
SELECT
    visitor_id,
    any(visitor_name) AS visitor_name,
    max(timestamp) AS last_seen,
    maxIf((e.timestamp, toString(e.path)), e.type IN ('page', 'screen')).2 AS path,
    {{ newest }}.2 AS country,
    {{ newest }}.3 AS device,
    {{ newest }}.4 AS source,
    count() AS events
FROM
(
    SELECT visitor_id, visitor_name, timestamp, type, path, country, device, source
    FROM events
    WHERE project_id = {project:UUID}
      AND timestamp >= {now_since:DateTime64(3,'UTC')}
      {{ event_filter }}
) AS e
GROUP BY visitor_id
ORDER BY last_seen DESC
