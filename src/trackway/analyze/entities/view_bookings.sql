-- The people who viewed an entity in the period, and how many of them booked it at the time of the view or later.
SELECT count() AS viewers, countIf(last >= first) AS booked
FROM
(
    SELECT
        {{ person }} AS person, entity_type, entity_id,
        minIf(timestamp, name = 'view') AS first,
        maxIf(timestamp, name != 'view') AS last
    FROM events
    WHERE project_id = {project:UUID}
      AND ((name = 'view' AND library = 'views') OR name IN {bookings:Array(String)})
      AND timestamp >= {start:DateTime64(3,'UTC')}
      AND timestamp < {end:DateTime64(3,'UTC')}
      AND {{ counts }} {{ within }}
    GROUP BY person, entity_type, entity_id
    HAVING countIf(name = 'view') > 0
)
