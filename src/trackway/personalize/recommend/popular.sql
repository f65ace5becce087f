-- The entities of a type with most people, for a project without a model.
SELECT entity_id, uniq({{ person }}) AS people
FROM actions
WHERE project_id = {project:UUID}
  AND timestamp >= {since:DateTime64(3,'UTC')}
  AND timestamp < {end:DateTime64(3,'UTC')}
  AND entity_type = {entity_type:String}
  AND entity_id != ''
  AND name IN {names:Array(String)}
  AND {{ counts }}
GROUP BY entity_id
HAVING sum(actions) > 0
ORDER BY people DESC, entity_id
LIMIT {most:UInt32}
