-- The reasons for which ids are merged into one person: `identify` claims with their time, and aliases.
SELECT
    m.kind AS kind, m.identity AS identity, m.person AS person, m.from_id AS from_id, m.user_id AS user_id, m.at AS at,
    u.undone = 1 AS undone, u.undone_by AS undone_by, if(u.undone_by = '', NULL, u.undone_at) AS undone_at
FROM
(
    SELECT 'identify' AS kind, identity, person, anyLast(visitor_id) AS from_id, anyLast(user_id) AS user_id, min(c.at) AS at
    FROM claims AS c WHERE project_id = {project:UUID} GROUP BY identity, person
    UNION ALL
    SELECT 'alias' AS kind, identity, person, any(previous_id) AS from_id, any(user_id) AS user_id, min(a.at) AS at
    FROM aliases AS a WHERE project_id = {project:UUID} GROUP BY identity, person
) AS m
LEFT JOIN (SELECT * FROM undone_merges FINAL WHERE project_id = {project:UUID}) AS u
    ON m.identity = u.identity AND m.person = u.person
{% if of_person %}
WHERE {{ person | string | replace("identity", "m.identity") }} = {person:UInt64} OR m.identity = {person:UInt64} OR m.person = {person:UInt64}
{% endif %}
ORDER BY at DESC, identity, person
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
