-- The users that aliases join to persons, with their ids.
SELECT {{ person }} AS person, identity, groupUniqArray(user_id) AS user_ids
FROM
(
    SELECT pair.1 AS user_id, pair.2 AS identity FROM aliases AS a
    ARRAY JOIN [(a.previous_id, a.identity), (a.user_id, a.person)] AS pair
    WHERE project_id = {project:UUID}
)
WHERE person IN {persons:Array(UInt64)}
GROUP BY person, identity
