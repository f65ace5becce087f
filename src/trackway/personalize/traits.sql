-- What persons stated about themselves, of each the newest first.
SELECT {{ person }} AS person, user_id, toJSONString(properties) AS traits
FROM events
WHERE project_id = {project:UUID}
  AND name = 'identify' AND type = 'identify'
  AND timestamp < {end:DateTime64(3,'UTC')}
  AND identity IN {identities:Array(UInt64)}
  AND {{ counts }}
ORDER BY person, timestamp DESC, event_id DESC
LIMIT 100 BY person
