-- Totals of a period and of the one it is compared with, from the counters by the hour.
{% macro within(at) %}project_id = {project:UUID} AND (({{ at }} >= {start:DateTime64(3,'UTC')} AND {{ at }} < {end:DateTime64(3,'UTC')}) OR ({{ at }} >= {before_start:DateTime64(3,'UTC')} AND {{ at }} < {before_end:DateTime64(3,'UTC')})) AND {{ counts }}{% endmacro %}
SELECT
    e.current AS current,
    v.visitors AS visitors,
    e.page_views AS page_views,
    e.events AS events,
    r.revenue AS revenue,
    s.sessions AS sessions,
    s.bounce_rate AS bounce_rate,
    s.duration_s AS duration_s
FROM
(
    SELECT hour >= {start:DateTime64(3,'UTC')} AS current, sum(c.events) AS events, sum(c.page_views) AS page_views
    FROM event_counts AS c
    WHERE {{ within("hour") }}
    GROUP BY current
) AS e
FULL OUTER JOIN
(
    SELECT
        hour >= {start:DateTime64(3,'UTC')} AS current,
        sum(c.sessions) AS sessions,
        sum(bounces) / sessions AS bounce_rate,
        sum(duration_ms) / sessions / 1000 AS duration_s
    FROM source_counts AS c
    WHERE {{ within("hour") }}
    GROUP BY current
) AS s ON e.current = s.current
LEFT JOIN
(
    SELECT hour >= {start:DateTime64(3,'UTC')} AS current, uniqExact(visitor) AS visitors
    FROM {{ activity }}
    WHERE {{ within("hour") }}
    GROUP BY current
) AS v ON e.current = v.current
LEFT JOIN
(
    SELECT current, sumMap(map(currency, amount)) AS revenue
    FROM
    (
        SELECT
            hour >= {start:DateTime64(3,'UTC')} AS current,
            if(c.currency = '', {currency:String}, toString(c.currency)) AS currency,
            sum(c.revenue) AS amount
        FROM revenue_counts AS c
        WHERE {{ within("hour") }}
        GROUP BY current, currency
        HAVING amount != 0
    )
    GROUP BY current
) AS r ON e.current = r.current
ORDER BY current DESC
