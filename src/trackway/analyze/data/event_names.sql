-- The names of all events, from the counters. The exact time of each last event is read from the events of its last
-- hour only.
WITH names AS
(
    SELECT name, sum(events) AS events, min(hour) AS first_hour, max(hour) AS last_hour
    FROM event_counts
    WHERE project_id = {project:UUID}
{% if of_event %}
      AND name = {name:String}
{% endif %}
    GROUP BY name
    ORDER BY events DESC, name
    LIMIT {limit:UInt32}
)
SELECT
    n.name AS name, n.events AS events,
    toDateTime64(n.first_hour, 3, 'UTC') AS first_hour, toDateTime64(n.last_hour, 3, 'UTC') AS last_hour
{% if exact %}
    , greatest(l.last_at, toDateTime64(n.last_hour, 3, 'UTC')) AS last_at
{% endif %}
FROM names AS n
{% if exact %}
LEFT JOIN
(
    SELECT name, max(timestamp) AS last_at
    FROM events
    WHERE project_id = {project:UUID}
      AND (name, toStartOfHour(toDateTime(timestamp, 'UTC'))) IN (SELECT name, last_hour FROM names)
    GROUP BY name
) AS l ON l.name = n.name
{% endif %}
ORDER BY events DESC, name
