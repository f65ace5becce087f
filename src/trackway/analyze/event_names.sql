-- Which events there are, from the counters.
SELECT name, sum(events) AS events, min(hour) AS first_hour, max(hour) AS last_hour
FROM event_counts
WHERE project_id = {project:UUID}
{% if one %}
  AND name = {name:String}
{% endif %}
GROUP BY name
ORDER BY events DESC, name
LIMIT {limit:UInt32}
