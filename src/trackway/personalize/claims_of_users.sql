-- The visitors that were seen under some users' ids, each with the person it belongs to: that of the first such user.
SELECT c.identity AS identity, {{ person }} AS person, c.person AS user, c.user_id AS user_id
FROM claims AS c
WHERE c.project_id = {project:UUID} AND c.person IN {users:Array(UInt64)}
