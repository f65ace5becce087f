-- People with sessions that started in the period.
SELECT
    {{ person }} AS person,
    argMax(visitor_name, ended_at) AS name,
    max(user_id) AS user_id,
    argMax(visitor_id, ended_at) AS visitor_id,
    uniqExact(visitor_id) AS visitors,
    count() AS sessions,
    sum(s.events) AS events,
    sum(s.page_views) AS page_views,
    min(started_at) AS first_seen,
    max(ended_at) AS last_seen,
    argMax(country, ended_at) AS country,
    argMax(device, ended_at) AS device,
    argMin(source, started_at) AS source
FROM (SELECT * FROM sessions FINAL WHERE project_id = {project:UUID}
{% if listed %}
  AND {{ person }} IN {persons:Array(UInt64)}
{% else %}
  AND started_at >= {start:DateTime64(3,'UTC')}
  AND started_at < {end:DateTime64(3,'UTC')}
  {{ session_filter }}
{% endif %}
) AS s
GROUP BY person
ORDER BY {{ sort }} DESC, person
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
