-- Where sessions came from, with what they led to. A session's source is that of its first event.
SELECT
{% for column in columns %}
    s.{{ column }} AS {{ column }},
{% endfor %}
    count() AS sessions,
    uniqExact(xxh3(s.visitor_id)) AS visitors,
    countIf(s.acts <= 1) / count() AS bounce_rate,
    avg(dateDiff('millisecond', s.started_at, s.ended_at)) / 1000 AS duration_s,
    sum(s.page_views) AS page_views,
    sum(c.conversions) AS conversions,
    countIf(c.conversions > 0) AS converted_sessions,
    sumMap(c.revenue) AS revenue
FROM
(
    SELECT *
    FROM sessions FINAL
    WHERE project_id = {project:UUID}
      AND started_at >= {start:DateTime64(3,'UTC')}
      AND started_at < {end:DateTime64(3,'UTC')}
      {{ session_filter }}
) AS s
LEFT JOIN
(
    SELECT
        e.session_id AS session_id,
        countIf(e.name IN {goals:Array(String)}) AS conversions,
        sumMapIf(
            map(if(e.currency = '', {currency:String}, toString(e.currency)), toDecimal128(e.revenue, 4)),
            e.revenue != 0
        ) AS revenue
    FROM events AS e
    WHERE project_id = {project:UUID}
      AND timestamp >= {start:DateTime64(3,'UTC')}
      AND timestamp < {end:DateTime64(3,'UTC')} + INTERVAL 7 DAY
      AND (e.name IN {goals:Array(String)} OR e.revenue != 0)
    GROUP BY session_id
) AS c ON s.session_id = c.session_id
GROUP BY ALL
ORDER BY sessions DESC, {{ columns | join(", ") }}
LIMIT {limit:UInt32}
