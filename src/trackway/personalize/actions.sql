-- The actions of persons in a period, of each the newest first.
SELECT
    {{ person }} AS person, timestamp AS at, name, entity_type, entity_id, toUInt32(sum(actions)) AS times,
    greatest(0, sum(duration_s)) AS lasted_s, max(timezone) AS zone
FROM actions
WHERE project_id = {project:UUID}
  AND identity IN {identities:Array(UInt64)}
  AND timestamp >= {since:DateTime64(3,'UTC')}
  AND timestamp < {end:DateTime64(3,'UTC')}
  AND {{ counts }}
GROUP BY person, at, name, entity_type, entity_id
HAVING sum(actions) > 0
ORDER BY person, at DESC, name, entity_type, entity_id
LIMIT {most:UInt32} BY person
