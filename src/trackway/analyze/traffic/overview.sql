-- Totals of a period and of the one it is compared with. A session counts in the period of its start, an order in that
-- of its placing.
{% from "language/orders.sql" import orders_with_events %}
{% macro within(at) %}(({{ at }} >= {start:DateTime64(3,'UTC')} AND {{ at }} < {end:DateTime64(3,'UTC')}) OR ({{ at }} >= {before_start:DateTime64(3,'UTC')} AND {{ at }} < {before_end:DateTime64(3,'UTC')})){% endmacro %}
SELECT
    current,
    e.visitors AS visitors,
    e.page_views AS page_views,
    e.events AS events,
    r.money AS revenue,
    s.sessions AS sessions,
    s.bounce_rate AS bounce_rate,
    s.duration_s AS duration_s
FROM
(
    SELECT
        timestamp >= {start:DateTime64(3,'UTC')} AS current,
        uniqExact(xxh3(visitor_id)) AS visitors,
        countIf(type IN ('page', 'screen')) AS page_views,
        count() AS events
    FROM events
    WHERE project_id = {project:UUID}
      AND {{ within("timestamp") }}
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
      AND {{ within("started_at") }}
      {{ session_filter }}
    GROUP BY current
) AS s USING (current)
FULL OUTER JOIN
(
    SELECT
        ordered_at >= {start:DateTime64(3,'UTC')} AS current,
        sumMap(map(if(paid_in = '', {currency:String}, paid_in), paid)) AS money
    FROM {{ orders_with_events(order_names, "{before_start:DateTime64(3,'UTC')}", within("at")) }}
    WHERE 1 {{ order_filter }}
    GROUP BY current
) AS r USING (current)
ORDER BY current DESC
