-- The people who match a filter now.
SELECT DISTINCT {{ person }} AS identity
FROM events
WHERE project_id = {project:UUID}
  AND timestamp < {end:DateTime64(3,'UTC')}
  {{ event_filter }}
