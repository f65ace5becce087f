-- Totals of a period. A session counts in the period of its start, an order in that of its placing.
{% from "language/orders.sql" import orders_with_events %}
SELECT
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
        uniqExact(xxh3(visitor_id)) AS visitors,
        countIf(type IN ('page', 'screen')) AS page_views,
        count() AS events
    FROM events
    WHERE project_id = {project:UUID}
      AND timestamp >= {start:DateTime64(3,'UTC')}
      AND timestamp < {end:DateTime64(3,'UTC')}
      {{ event_filter }}
) AS e,
(
    SELECT
        count() AS sessions,
        countIf(acts <= 1) / count() AS bounce_rate,
        avg(dateDiff('millisecond', started_at, ended_at)) / 1000 AS duration_s
    FROM sessions FINAL
    WHERE project_id = {project:UUID}
      AND started_at >= {start:DateTime64(3,'UTC')}
      AND started_at < {end:DateTime64(3,'UTC')}
      {{ session_filter }}
) AS s,
(
    SELECT sumMap(map(if(paid_in = '', {currency:String}, paid_in), paid)) AS money
    FROM {{ orders_with_events(order_names) }}
    WHERE 1 {{ order_filter }}
) AS r
