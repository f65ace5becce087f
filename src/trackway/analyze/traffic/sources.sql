-- Sessions by source, with conversions and revenue. The source of a session is that of its first event. Orders
-- placed in the period are credited to the session of their event, even if it started earlier{{ ", or to none" if everything }}.
{% from "language/orders.sql" import orders_with_events %}
{% set nowhere = "toUUID('00000000-0000-0000-0000-000000000000')" %}
SELECT
{% for column in columns %}
    {{ "if(s.session_id = " ~ nowhere ~ ", 'Unattributed', s.channel)" if column == "channel" else "s." ~ column }} AS {{ column }},
{% endfor %}
    countIf(s.here) AS sessions,
    uniqExactIf(xxh3(s.visitor_id), s.here) AS visitors,
    countIf(s.here AND s.acts <= 1) / sessions AS bounce_rate,
    avgIf(dateDiff('millisecond', s.started_at, s.ended_at), s.here) / 1000 AS duration_s,
    sumIf(s.page_views, s.here) AS page_views,
    sumIf(c.conversions, s.here) + sum(o.orders) AS conversions,
    countIf(s.here AND (c.conversions > 0 OR o.orders > 0)) AS converted_sessions,
    sumMap(o.money) AS revenue
FROM
(
    SELECT *, started_at >= {start:DateTime64(3,'UTC')} AS here
    FROM sessions FINAL
    WHERE project_id = {project:UUID}
      AND started_at >= {start:DateTime64(3,'UTC')} - INTERVAL 7 DAY
      AND started_at < {end:DateTime64(3,'UTC')}
      {{ session_filter }}
) AS s
LEFT JOIN
(
    SELECT session_id, count() AS conversions
    FROM events
    WHERE project_id = {project:UUID}
      AND timestamp >= {start:DateTime64(3,'UTC')}
      AND timestamp < {end:DateTime64(3,'UTC')} + INTERVAL 7 DAY
      AND name IN {goals:Array(String)}
    GROUP BY session_id
) AS c ON s.session_id = c.session_id
{{ "FULL OUTER" if everything else "LEFT" }} JOIN
(
    SELECT
        if(counts, session_id, {{ nowhere }}) AS session_id,
        countIf(counts AND kind IN {kinds:Array(String)}) AS orders,
        sumMap(map(if(paid_in = '', {currency:String}, paid_in), paid)) AS money
    FROM {{ orders_with_events(order_names) }}
    GROUP BY session_id
) AS o ON s.session_id = o.session_id
GROUP BY ALL
HAVING sessions > 0 OR conversions > 0 OR arrayExists(amount -> amount != 0, mapValues(revenue))
ORDER BY sessions DESC, {{ columns | join(", ") }}
LIMIT {limit:UInt32}
