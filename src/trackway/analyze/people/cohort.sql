-- How many people there were by a moment, of those that a filter means.
SELECT uniqExact({{ person }}) AS persons
FROM events
WHERE project_id = {project:UUID}
  AND timestamp < {end:DateTime64(3,'UTC')}
  {{ event_filter }}
