-- The number of a person's actions, and the time of the registration: in 2299 for somebody who never registered.
SELECT
    (
        SELECT sum(actions) FROM actions
        WHERE project_id = {project:UUID} AND identity IN {identities:Array(UInt64)}
          AND timestamp < {end:DateTime64(3,'UTC')} AND {{ counts }}
    ) AS activities,
    (
        SELECT if(count() = 0, toDateTime64('2299-01-01 00:00:00', 3, 'UTC'), min(registered_at)) FROM customers
        WHERE project_id = {project:UUID} AND identity IN {identities:Array(UInt64)} AND {{ counts }}
    ) AS registered_at
