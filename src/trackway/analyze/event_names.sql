-- Which events there are, from the counters.
SELECT
    name, sum(events) AS events,
    toDateTime64(min(hour), 3, 'UTC') AS first_hour, toDateTime64(max(hour), 3, 'UTC') AS last_hour
FROM event_counts
WHERE project_id = {project:UUID}
{% if one %}
  AND name = {name:String}
{% endif %}
GROUP BY name
ORDER BY events DESC, name
LIMIT {limit:UInt32}
