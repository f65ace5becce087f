-- Whether the register of a type changed: every change is a row, and merges of rows keep the newest.
SELECT uniq(entity_id) AS entities, max(updated_at) AS newest
FROM entities
WHERE project_id = {project:UUID} AND entity_type = {entity_type:String}
