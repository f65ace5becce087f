-- The newest value of each trait that persons stated about themselves, as JSON.
SELECT {{ person }} AS person, pair.1 AS trait, argMax(pair.2, (timestamp, event_id)) AS value
FROM events
ARRAY JOIN JSONExtractKeysAndValuesRaw(toJSONString(properties)) AS pair
WHERE project_id = {project:UUID}
  AND name = 'identify' AND type = 'identify'
  AND timestamp < {end:DateTime64(3,'UTC')}
  AND identity IN {identities:Array(UInt64)}
  AND {{ counts }}
GROUP BY person, trait
