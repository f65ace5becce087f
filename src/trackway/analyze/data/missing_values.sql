-- Whether anything in the period matches a filter.
SELECT count() AS n
FROM
(
    SELECT 1
    FROM events
    WHERE project_id = {project:UUID}
      AND timestamp >= {start:DateTime64(3,'UTC')}
      AND timestamp < {end:DateTime64(3,'UTC')}
      {{ event_filter }}
    LIMIT 1
)
