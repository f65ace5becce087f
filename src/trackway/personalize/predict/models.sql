-- The newest models of each target.
SELECT target, model, card
FROM prediction_models FINAL
WHERE project_id = {project:UUID} {{ "AND target = {target:String}" if one }}
ORDER BY target, model DESC
LIMIT {versions:UInt32} BY target
