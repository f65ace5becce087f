{% macro read() %}
SELECT *
FROM entities FINAL
WHERE project_id = {project:UUID} AND entity_type = {type:String} AND entity_id = {id:String} AND NOT deleted
{% endmacro %}

{% macro added() %}
SELECT entity_type, entity_id, toUnixTimestamp64Milli(added_at) AS added_at
FROM entities FINAL
WHERE project_id = {project:UUID} AND (entity_type, entity_id) IN {keys:Array(Tuple(String, String))}
{% endmacro %}

{% macro with_children() %}
SELECT entity_type, entity_id
FROM entities FINAL
WHERE project_id = {project:UUID} AND NOT deleted AND hasAny(parents, {parents:Array(String)})
LIMIT {most:UInt32}
{% endmacro %}
