-- What the register says about entities.
SELECT entity_type, entity_id, name, parents, attributes
FROM entities FINAL
WHERE project_id = {project:UUID} AND (entity_type, entity_id) IN {keys:Array(Tuple(String, String))} AND NOT deleted
