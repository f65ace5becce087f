-- Types of entities with interactions, by the number of people.
SELECT entity_type
FROM actions
WHERE project_id = {project:UUID}
  AND timestamp >= {since:DateTime64(3,'UTC')}
  AND timestamp < {end:DateTime64(3,'UTC')}
  AND entity_id != ''
  AND name IN {names:Array(String)}
  AND {{ counts }}
GROUP BY entity_type
HAVING sum(actions) > 0
ORDER BY uniq(identity) DESC, entity_type
LIMIT 100
