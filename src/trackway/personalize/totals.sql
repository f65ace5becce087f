-- The number of actions of persons, and the time of their registration: in 2299 for somebody who never registered.
SELECT person, sum(n) AS activities, min(registered) AS registered_at
FROM
(
    SELECT {{ person }} AS person, sum(actions) AS n, toDateTime64('2299-01-01 00:00:00', 3, 'UTC') AS registered
    FROM actions
    WHERE project_id = {project:UUID} AND identity IN {identities:Array(UInt64)}
      AND timestamp < {end:DateTime64(3,'UTC')} AND {{ counts }}
    GROUP BY person
    UNION ALL
    SELECT {{ person }} AS person, 0 AS n, min(registered_at) AS registered
    FROM customers
    WHERE project_id = {project:UUID} AND identity IN {identities:Array(UInt64)} AND {{ counts }}
    GROUP BY person
)
GROUP BY person
