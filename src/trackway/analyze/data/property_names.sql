-- The properties of events, from the counters; no event is read.
SELECT
    property,
    groupUniqArray(10)(toString(type)) AS types,
    sum(p.events) AS events,
    min(p.first_seen) AS first_seen,
    max(p.last_seen) AS last_seen
FROM property_counts AS p
WHERE project_id = {project:UUID}
{% if of_event %}
  AND name = {name:String}
{% endif %}
GROUP BY property
ORDER BY events DESC, property
LIMIT {limit:UInt32}
