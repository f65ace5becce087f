-- The time of the first event of a project, and about how many people it has.
SELECT min(timestamp) AS first_at, uniq(identity) AS people
FROM events
WHERE project_id = {project:UUID} AND type IN ('page', 'screen', 'track')
