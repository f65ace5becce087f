-- The identities, visitor ids and user ids of persons.
SELECT DISTINCT visitor_id, user_id, identity
FROM
(
    SELECT visitor_id, user_id, arrayJoin([c.identity, c.person]) AS identity FROM claims AS c
    WHERE project_id = {project:UUID}
    UNION ALL
    SELECT '' AS visitor_id, pair.1 AS user_id, pair.2 AS identity FROM aliases AS a
    ARRAY JOIN [(a.previous_id, a.identity), (a.user_id, a.person)] AS pair
    WHERE project_id = {project:UUID}
)
WHERE {{ person }} IN {persons:Array(UInt64)}
