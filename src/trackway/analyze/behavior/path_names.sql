-- The names of hashes.
SELECT {{ node_hash }} AS hash, any({{ node }}) AS label
FROM events
WHERE project_id = {project:UUID}
  AND timestamp >= {since:DateTime64(3,'UTC')}
  AND timestamp < {end:DateTime64(3,'UTC')}
  AND {{ included }}
  AND {{ node_hash }} IN {hashes:Array(UInt64)}
GROUP BY hash
