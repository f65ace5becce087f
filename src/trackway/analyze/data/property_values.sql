-- A property's most frequent values in the period; for one event name, only that part of the table is read.
SELECT {{ value }} AS value, count() AS events, uniqExact({{ person }}) AS persons
FROM events
WHERE project_id = {project:UUID}
  AND timestamp >= {start:DateTime64(3,'UTC')}
  AND timestamp < {end:DateTime64(3,'UTC')}
{% if of_event %}
  AND name = {name:String}
{% endif %}
  AND {{ value }} != ''
  {{ event_filter }}
GROUP BY value
ORDER BY events DESC, value
LIMIT {limit:UInt32}
