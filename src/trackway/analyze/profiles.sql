-- Some visitors over all time, by their key.
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
WHERE project_id = {project:UUID} AND visitor_id IN {ids:Array(String)}
GROUP BY visitor_id
