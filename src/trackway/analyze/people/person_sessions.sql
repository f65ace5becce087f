-- A person's sessions, the newest first.
SELECT
    s.session_id AS session_id, s.visitor_id AS visitor_id, s.visitor_name AS visitor_name, s.user_id AS user_id,
    s.started_at AS started_at, s.ended_at AS ended_at,
    dateDiff('millisecond', s.started_at, s.ended_at) / 1000 AS duration_s,
    NOT s.closed AND s.ended_at > {active_since:DateTime64(3,'UTC')} AS active,
    s.events AS events, s.page_views AS page_views, s.entry_path AS entry_path, s.exit_path AS exit_path,
    s.referrer_host AS referrer_host, s.channel AS channel, s.source AS source, s.medium AS medium,
    s.campaign AS campaign, s.device AS device, s.browser AS browser, s.system AS system, s.country AS country,
    s.region AS region, s.city AS city, s.bot AS bot,
    e.browser_version AS browser_version, e.system_version AS system_version{{ "," if addresses }}
{% if addresses %}
    e.ip AS ip
{% endif %}
FROM
(
    SELECT * FROM sessions FINAL
    WHERE project_id = {project:UUID}
      AND identity IN {identities:Array(UInt64)}
    ORDER BY started_at DESC, session_id
    LIMIT {limit:UInt32}
) AS s
LEFT JOIN
(
    SELECT
        session_id,
        argMin(browser_version, (browser_version = '', timestamp)) AS browser_version,
        argMin(system_version, (system_version = '', timestamp)) AS system_version,
        argMin(ip, (ip = '', timestamp)) AS ip
    FROM events
    WHERE project_id = {project:UUID}
      AND identity IN {identities:Array(UInt64)}
    GROUP BY session_id
) AS e ON s.session_id = e.session_id
ORDER BY started_at DESC, session_id
