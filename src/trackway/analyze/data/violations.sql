-- Violations of the tracking plan, by event, property and version of the library.
SELECT
    event, property, problem, library, library_version, rejected,
    uniqExact(message_id) AS messages,
    min(received_at) AS first_at,
    max(received_at) AS last_at,
    groupArraySorted(5)(message_id) AS some
FROM violations
WHERE project_id = {project:UUID}
  AND received_at >= {start:DateTime64(3,'UTC')}
  AND received_at < {end:DateTime64(3,'UTC')}
GROUP BY event, property, problem, library, library_version, rejected
ORDER BY messages DESC, event, property
LIMIT {limit:UInt32}
