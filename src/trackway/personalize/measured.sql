-- How often others did something (`received`) with the entity of a person, whose id is a user id of theirs: the median of
-- people who did something themselves (`did`) at least so many times, and of people who never did. Of people with a user id
-- who were active in the period; bots do not count.
SELECT
    countIf(n >= {at_least:UInt32}) AS people_with, quantileExactInclusiveIf(0.5)(received, n >= {at_least:UInt32}) AS median_with,
    countIf(n = 0) AS people_without, quantileExactInclusiveIf(0.5)(received, n = 0) AS median_without
FROM
(
    SELECT u.person AS person, any(d.n) AS n, sum(if(r.person != u.person, r.n, 0)) AS received
    FROM
    (
        SELECT DISTINCT {{ person }} AS person, user_id FROM customers
        WHERE project_id = {project:UUID} AND user_id != '' AND last_seen >= {since:DateTime64(3,'UTC')} AND {{ counts }}
    ) AS u
    LEFT JOIN
    (
        SELECT {{ person }} AS person, sum(actions) AS n FROM actions
        WHERE project_id = {project:UUID} AND name IN {did:Array(String)} AND timestamp < {end:DateTime64(3,'UTC')} AND {{ counts }}
        GROUP BY person
    ) AS d ON d.person = u.person
    LEFT JOIN
    (
        SELECT {{ person }} AS person, entity_id, sum(actions) AS n FROM actions
        WHERE project_id = {project:UUID} AND name IN {received:Array(String)} AND entity_type IN {types:Array(String)}
          AND timestamp >= {since:DateTime64(3,'UTC')} AND timestamp < {end:DateTime64(3,'UTC')} AND {{ counts }}
        GROUP BY person, entity_id
    ) AS r ON r.entity_id = u.user_id
    GROUP BY person
)
