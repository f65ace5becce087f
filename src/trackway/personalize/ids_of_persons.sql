-- The identities of persons, with the user ids that each came with.
SELECT {{ person }} AS person, identity, arrayFilter(id -> id != '', groupUniqArray(user_id)) AS user_ids
FROM
(
    SELECT user_id, arrayJoin([c.identity, c.person]) AS identity FROM claims AS c
    WHERE project_id = {project:UUID}
    UNION ALL
    SELECT pair.1 AS user_id, pair.2 AS identity FROM aliases AS a
    ARRAY JOIN [(a.previous_id, a.identity), (a.user_id, a.person)] AS pair
    WHERE project_id = {project:UUID}
    UNION ALL  -- users without a visitor
    SELECT user_id, identity FROM customers
    WHERE project_id = {project:UUID} AND identity IN {persons:Array(UInt64)}
)
WHERE person IN {persons:Array(UInt64)}
GROUP BY person, identity
