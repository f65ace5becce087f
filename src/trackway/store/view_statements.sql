{% macro statement_of() %}
SELECT as_select AS text, currentDatabase() AS place
FROM system.tables
WHERE database = currentDatabase() AND name = {name:String}
{% endmacro %}

{% macro target_of() %}
SELECT create_table_query AS text
FROM system.tables
WHERE database = currentDatabase() AND name = {name:String}
{% endmacro %}
