-- Totals of a period and of the one it is compared with, from the hourly counters and from orders. The periods may
-- overlap, so a row can count in both.
{% macro this(at) %}({{ at }} >= {start:DateTime64(3,'UTC')} AND {{ at }} < {end:DateTime64(3,'UTC')}){% endmacro %}
{% macro other(at) %}({{ at }} >= {before_start:DateTime64(3,'UTC')} AND {{ at }} < {before_end:DateTime64(3,'UTC')}){% endmacro %}
{% macro within(at) %}({{ this(at) }} OR {{ other(at) }}) AND if(current, {{ this(at) }}, {{ other(at) }}){% endmacro %}
SELECT
    current,
    v.visitors AS visitors,
    e.page_views AS page_views,
    e.events AS events,
    r.money AS revenue,
    s.sessions AS sessions,
    s.bounce_rate AS bounce_rate,
    s.duration_s AS duration_s
FROM
(
    SELECT current, sum(c.events) AS events, sum(c.page_views) AS page_views
    FROM event_counts AS c ARRAY JOIN [true, false] AS current
    WHERE project_id = {project:UUID} AND {{ within("hour") }} AND {{ counts }}
    GROUP BY current
) AS e
FULL OUTER JOIN
(
    SELECT
        current,
        sum(c.sessions) AS sessions,
        sum(bounces) / sessions AS bounce_rate,
        sum(duration_ms) / sessions / 1000 AS duration_s
    FROM source_counts AS c ARRAY JOIN [true, false] AS current
    WHERE project_id = {project:UUID} AND {{ within("hour") }} AND {{ counts }}
    GROUP BY current
) AS s USING (current)
LEFT JOIN
(
    SELECT current, uniqExact(visitor) AS visitors
    FROM {{ activity }} ARRAY JOIN [true, false] AS current
    WHERE project_id = {project:UUID} AND {{ within("hour") }} AND {{ counts }}
    GROUP BY current
) AS v USING (current)
FULL OUTER JOIN
(
    SELECT
        current,
        sumMap(map(if(currency = '', {currency:String}, toString(currency)), paid)) AS money
    FROM orders FINAL ARRAY JOIN [true, false] AS current
    WHERE project_id = {project:UUID} AND has_money AND {{ within("at") }}
    GROUP BY current
) AS r USING (current)
ORDER BY current DESC
