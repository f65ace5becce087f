-- A person's events in the period, by day, hour of the day and day of the week.
SELECT
    toString(toDate(timestamp, {timezone:String})) AS day,
    toHour(timestamp, {timezone:String}) AS hour,
    toDayOfWeek(timestamp, 0, {timezone:String}) AS weekday,
    count() AS events
FROM events
WHERE project_id = {project:UUID}
  AND timestamp >= {start:DateTime64(3,'UTC')}
  AND timestamp < {end:DateTime64(3,'UTC')}
  {{ event_filter }}
{% if of_person %}
  AND {{ person }} = {person:UInt64}
{% endif %}
GROUP BY day, hour, weekday
ORDER BY day, hour
