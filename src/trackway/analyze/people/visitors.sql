-- Visitors by the time of their last event: those with these ids, or those who have events in the period.
SELECT
    visitor_id,
    any(v.visitor_name) AS visitor_name,
    min(v.first_seen) AS first_seen,
    max(v.last_seen) AS last_seen,
    sum(v.sessions) AS sessions,
    sum(v.events) AS events,
    sum(v.page_views) AS page_views,
    max(v.bot) AS bot
FROM visitors AS v
WHERE project_id = {project:UUID}
{% if by_ids %}
  AND visitor_id IN {ids:Array(String)}
{% elif counted %}
  AND xxh3(visitor_id) IN
  (
      SELECT visitor FROM {{ activity }}
      WHERE project_id = {project:UUID}
        AND hour >= {start:DateTime64(3,'UTC')}
        AND hour < {end:DateTime64(3,'UTC')}
        AND {{ counts }}
  )
{% else %}
  AND visitor_id IN
  (
      SELECT visitor_id FROM events
      WHERE project_id = {project:UUID}
        AND timestamp >= {start:DateTime64(3,'UTC')}
        AND timestamp < {end:DateTime64(3,'UTC')}
        {{ event_filter }}
  )
{% endif %}
GROUP BY visitor_id
{% if search %}
HAVING positionCaseInsensitiveUTF8(visitor_name, {search:String}) > 0 OR visitor_id = {search:String}
{% endif %}
ORDER BY last_seen DESC, visitor_id
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
