-- The register's entities of a type, the newest ones.
SELECT entity_id, name, owners, parents, attributes, hidden, deleted, added_at
FROM entities FINAL
WHERE project_id = {project:UUID} AND entity_type = {entity_type:String}
ORDER BY added_at DESC, entity_id
LIMIT {most:UInt32}
