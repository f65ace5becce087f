-- What a person stated about themselves, the newest first.
SELECT user_id, toJSONString(properties) AS traits
FROM events
WHERE project_id = {project:UUID}
  AND name = 'identify'
  AND timestamp < {end:DateTime64(3,'UTC')}
  AND identity IN {identities:Array(UInt64)}
ORDER BY timestamp DESC, event_id DESC
LIMIT 100
