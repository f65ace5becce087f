-- A person's actions in a period, the newest first.
SELECT
    timestamp AS at, name, entity_type, entity_id, toUInt32(sum(actions)) AS times, greatest(0, sum(duration_s)) AS lasted_s
FROM actions
WHERE project_id = {project:UUID}
  AND identity IN {identities:Array(UInt64)}
  AND timestamp >= {since:DateTime64(3,'UTC')}
  AND timestamp < {end:DateTime64(3,'UTC')}
  AND {{ counts }}
GROUP BY at, name, entity_type, entity_id
HAVING sum(actions) > 0
ORDER BY at DESC, name, entity_type, entity_id
LIMIT {most:UInt32}
