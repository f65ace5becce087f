-- A person's events in the period by month and entity; if no person is named, all events that the policy allows.
SELECT
    toString(toStartOfMonth(toDate(timestamp, {timezone:String}))) AS month,
    entity_type, entity_id, name, count() AS events,
    sumIf(
        coalesce(toFloat64OrNull(toString(properties.duration_s)), toFloat64OrNull(toString(properties.visible_s)), 0) AS said_s,
        said_s BETWEEN 0 AND 1e9
    ) AS duration_s,
    uniqExact(toDate(timestamp, {timezone:String})) AS days,
    name IN {bookings:Array(String)} AS booked
FROM events
WHERE project_id = {project:UUID}
  AND timestamp >= {start:DateTime64(3,'UTC')}
  AND timestamp < {end:DateTime64(3,'UTC')}
  AND name NOT IN ('identify', 'alias', 'group', 'impression')
  {{ event_filter }}
{% if of_person %}
  AND {{ person }} = {person:UInt64}
{% endif %}
GROUP BY month, entity_type, entity_id, name
ORDER BY month, events DESC, entity_type, entity_id, name
LIMIT 100000
