-- The names of entities in the register.
SELECT entity_type, entity_id, name
FROM entities FINAL
WHERE project_id = {project:UUID} AND NOT deleted AND name != '' AND (entity_type, entity_id) IN {keys:Array(Tuple(String, String))}
