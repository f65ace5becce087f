-- People with sessions that started in the period.
-- Of sessions that end in the same moment, always the same one is the newest.
{% set newest = "max((s.ended_at, s.visitor_id, toString(s.visitor_name), toString(s.country), toString(s.device)))" %}
SELECT
    {{ person }} AS person,
    {{ newest }}.3 AS name,
    max(s.user_id) AS user_id,
    {{ newest }}.2 AS visitor_id,
    uniqExact(s.visitor_id) AS visitors,
    count() AS sessions,
    sum(s.events) AS events,
    sum(s.page_views) AS page_views,
    min(s.started_at) AS first_seen,
    max(s.ended_at) AS last_seen,
    {{ newest }}.4 AS country,
    {{ newest }}.5 AS device,
    min((s.started_at, s.visitor_id, toString(s.source))).3 AS source
FROM (SELECT * FROM sessions FINAL WHERE project_id = {project:UUID}
{% if listed %}
  AND identity IN {identities:Array(UInt64)}
{% else %}
  AND started_at >= {start:DateTime64(3,'UTC')}
  AND started_at < {end:DateTime64(3,'UTC')}
  {{ session_filter }}
{% endif %}
) AS s
GROUP BY person
ORDER BY {{ sort }} DESC, person
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
