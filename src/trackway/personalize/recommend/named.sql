-- What the register says about entities of a type; those that are hidden keep their counts from the public.
SELECT entity_id, name, deleted, hidden
FROM entities FINAL
WHERE project_id = {project:UUID} AND entity_type = {entity_type:String} AND entity_id IN {ids:Array(String)}
