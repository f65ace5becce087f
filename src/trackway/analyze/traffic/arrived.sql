-- Events that arrived after a time, the newest first; only events of the last hour are searched.
SELECT
    event_id, timestamp, received_at, name, type, visitor_id, visitor_name, user_id, session_id, path, source, device,
    country, city, bot, entity_type, entity_id, revenue, currency, toJSONString(properties) AS properties
FROM events
WHERE project_id = {project:UUID}
  AND timestamp >= {oldest:DateTime64(3,'UTC')}
  AND received_at > {since:DateTime64(3,'UTC')}
  {{ event_filter }}
ORDER BY received_at DESC, event_id DESC
LIMIT {limit:UInt32}
