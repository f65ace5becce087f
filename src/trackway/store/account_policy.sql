{% macro of_owner() %}
SELECT entity_type, entity_id
FROM entities FINAL
WHERE project_id = {project:UUID} AND NOT deleted AND has(owners, {owner:String})
LIMIT {most:UInt32}
{% endmacro %}

{% macro of_person() %}
SELECT number + dictGet('persons', 'delta', number) AS person FROM identities WHERE token = {token:UInt64}
{% endmacro %}
