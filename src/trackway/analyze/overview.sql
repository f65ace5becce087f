-- Totals of a period and of the one it is compared with. Sessions count where they started.
SELECT
    e.current AS current,
    e.visitors AS visitors,
    e.page_views AS page_views,
    e.events AS events,
    e.money AS revenue,
    s.sessions AS sessions,
    s.bounce_rate AS bounce_rate,
    s.duration_s AS duration_s
FROM
(
    SELECT
        timestamp >= {start:DateTime64(3,'UTC')} AS current,
        uniqExact(xxh3(visitor_id)) AS visitors,
        countIf(type IN ('page', 'screen')) AS page_views,
        count() AS events,
        sumMapIf(
            map(if(a.currency = '', {currency:String}, toString(a.currency)), toDecimal128(a.revenue, 4)),
            a.revenue != 0
        ) AS money
    FROM events AS a
    WHERE project_id = {project:UUID}
      AND ((timestamp >= {start:DateTime64(3,'UTC')} AND timestamp < {end:DateTime64(3,'UTC')})
        OR (timestamp >= {before_start:DateTime64(3,'UTC')} AND timestamp < {before_end:DateTime64(3,'UTC')}))
      {{ event_filter }}
    GROUP BY current
) AS e
FULL OUTER JOIN
(
    SELECT
        started_at >= {start:DateTime64(3,'UTC')} AS current,
        count() AS sessions,
        countIf(acts <= 1) / count() AS bounce_rate,
        avg(dateDiff('millisecond', started_at, ended_at)) / 1000 AS duration_s
    FROM sessions FINAL
    WHERE project_id = {project:UUID}
      AND ((started_at >= {start:DateTime64(3,'UTC')} AND started_at < {end:DateTime64(3,'UTC')})
        OR (started_at >= {before_start:DateTime64(3,'UTC')} AND started_at < {before_end:DateTime64(3,'UTC')}))
      {{ session_filter }}
    GROUP BY current
) AS s ON e.current = s.current
ORDER BY current DESC
