-- Visitors by the time of their last event.
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
{% endif %}
GROUP BY visitor_id
{% if not by_ids %}
HAVING last_seen >= {start:DateTime64(3,'UTC')}
   AND first_seen < {end:DateTime64(3,'UTC')}
   AND {{ counts }}
{% if search %}
   AND (positionCaseInsensitiveUTF8(visitor_name, {search:String}) > 0 OR visitor_id = {search:String})
{% endif %}
{% endif %}
ORDER BY last_seen DESC, visitor_id
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
