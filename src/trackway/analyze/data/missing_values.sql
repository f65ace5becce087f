-- Whether anything of the period is as a filter says.
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
