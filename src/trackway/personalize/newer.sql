-- Entities of a type that are new: the register has them since a time, and no event before it named them.
SELECT entity_id, parents, attributes
FROM entities FINAL
WHERE project_id = {project:UUID} AND entity_type = {entity_type:String} AND NOT deleted AND NOT hidden
  AND updated_at >= {since:DateTime64(3,'UTC')}
  AND entity_id NOT IN
  (
      SELECT entity_id FROM entities_seen
      WHERE project_id = {project:UUID} AND entity_type = {entity_type:String}
      GROUP BY entity_id
      HAVING min(first_seen) < {since:DateTime64(3,'UTC')}
  )
LIMIT 10000
