-- The number of people who match a filter at a time.
SELECT uniqExact({{ person }}) AS persons
FROM events
WHERE project_id = {project:UUID}
  AND timestamp < {end:DateTime64(3,'UTC')}
  {{ event_filter }}
