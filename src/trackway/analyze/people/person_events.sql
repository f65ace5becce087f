-- A person's events under all their visitor and user ids, the newest first.
SELECT
    event_id, timestamp, name, type, visitor_id, visitor_name, user_id, session_id, host, path, title, channel,
    source, device, browser, system, country, region, city, bot, revenue, currency, entity_type, entity_id,
    toJSONString(properties) AS properties
FROM events
WHERE project_id = {project:UUID}
  AND timestamp < {before:DateTime64(3,'UTC')}
  AND identity IN {identities:Array(UInt64)}
{% if traits %}
  AND name = 'identify'
{% endif %}
ORDER BY timestamp DESC, event_id DESC
LIMIT {limit:UInt32}
