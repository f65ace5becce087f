-- The newest events.
SELECT
    event_id, timestamp, name, type, visitor_id, visitor_name, user_id, session_id, host, path, title, channel,
    source, device, browser, system, country, region, city, bot, revenue, currency, entity_type, entity_id,
    toJSONString(properties) AS properties
FROM events
WHERE project_id = {project:UUID}
  AND timestamp >= {since:DateTime64(3,'UTC')}
  AND timestamp < {until:DateTime64(3,'UTC')}
  {{ event_filter }}
ORDER BY timestamp DESC, event_id DESC
LIMIT {limit:UInt32}
