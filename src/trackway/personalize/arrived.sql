-- Whose events arrived since a time, and how many in each second.
SELECT {{ person }} AS person, toUnixTimestamp(received_at) AS second, count() AS n
FROM events
WHERE project_id = {project:UUID} AND received_at >= {since:DateTime64(3,'UTC')}
GROUP BY person, second
