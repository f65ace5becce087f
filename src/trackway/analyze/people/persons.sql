-- People with sessions that started in the period.
SELECT
    {{ person }} AS person,
    argMax(s.visitor_name, s.ended_at) AS name,
    max(s.user_id) AS user_id,
    argMax(s.visitor_id, s.ended_at) AS visitor_id,
    uniqExact(s.visitor_id) AS visitors,
    count() AS sessions,
    sum(s.events) AS events,
    sum(s.page_views) AS page_views,
    min(s.started_at) AS first_seen,
    max(s.ended_at) AS last_seen,
    argMax(s.country, s.ended_at) AS country,
    argMax(s.device, s.ended_at) AS device,
    argMin(s.source, s.started_at) AS source
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
