{% macro read() %}
SELECT *
FROM entities FINAL
WHERE project_id = {project:UUID} AND entity_type = {type:String} AND entity_id = {id:String} AND NOT deleted
{% endmacro %}

{% macro with_children() %}
SELECT entity_type, entity_id
FROM entities FINAL
WHERE project_id = {project:UUID} AND NOT deleted AND hasAny(parents, {parents:Array(String)})
LIMIT {most:UInt32}
{% endmacro %}
