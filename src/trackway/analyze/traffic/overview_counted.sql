-- Totals of a period, from the hourly counters and from orders.
SELECT
    v.visitors AS visitors,
    e.page_views AS page_views,
    e.events AS events,
    r.money AS revenue,
    s.sessions AS sessions,
    s.bounce_rate AS bounce_rate,
    s.duration_s AS duration_s
FROM
(
    SELECT sum(c.events) AS events, sum(c.page_views) AS page_views
    FROM event_counts AS c
    WHERE project_id = {project:UUID}
      AND hour >= {start:DateTime64(3,'UTC')}
      AND hour < {end:DateTime64(3,'UTC')}
      AND {{ counts }}
) AS e,
(
    SELECT
        sum(c.sessions) AS sessions,
        sum(bounces) / sessions AS bounce_rate,
        sum(duration_ms) / sessions / 1000 AS duration_s
    FROM source_counts AS c
    WHERE project_id = {project:UUID}
      AND hour >= {start:DateTime64(3,'UTC')}
      AND hour < {end:DateTime64(3,'UTC')}
      AND {{ counts }}
) AS s,
(
    SELECT uniqExact(visitor) AS visitors
    FROM {{ activity }}
    WHERE project_id = {project:UUID}
      AND hour >= {start:DateTime64(3,'UTC')}
      AND hour < {end:DateTime64(3,'UTC')}
      AND {{ counts }}
) AS v,
(
    SELECT sumMap(map(if(currency = '', {currency:String}, toString(currency)), paid)) AS money
    FROM orders FINAL
    WHERE project_id = {project:UUID}
      AND has_money
      AND at >= {start:DateTime64(3,'UTC')}
      AND at < {end:DateTime64(3,'UTC')}
) AS r
