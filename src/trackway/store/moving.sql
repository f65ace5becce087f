{# The tables of the schema that hold data; the others are written again when they are needed. #}
{% macro tables() %}
SELECT name, engine, engine_full, ifNull(total_rows, 0) AS rows
FROM system.tables
WHERE database = currentDatabase()
  AND engine LIKE '%MergeTree'
  AND NOT startsWith(name, 'moving_')
  AND name NOT IN ('migrations', 'user_persons', 'lists')
ORDER BY name
{% endmacro %}

{# The columns that are stored and can be inserted. #}
{% macro columns() %}
SELECT name, type, is_in_sorting_key AS is_key
FROM system.columns
WHERE database = currentDatabase() AND table = {table:String} AND default_kind NOT IN ('MATERIALIZED', 'ALIAS')
ORDER BY position
{% endmacro %}

{# In the order of their blocks: of rows with one key, the last can be the one that counts. #}
{% macro parts() %}
SELECT name, partition_id AS partition, rows, data_uncompressed_bytes AS bytes
FROM system.parts
WHERE active AND database = currentDatabase() AND table = {table:String}
ORDER BY partition_id, min_block_number, name
{% endmacro %}

{% macro of_piece() -%}
WHERE _part = {part:String} AND _part_offset >= {first:UInt64} AND _part_offset < {last:UInt64}
{%- endmacro %}

{% macro piece(table, columns) %}
SELECT {{ columns | join(", ") }} FROM {{ table }} {{ of_piece() }}
{% endmacro %}

{% macro rows_of_piece(table) %}
SELECT count() AS n FROM {{ table }} {{ of_piece() }}
{% endmacro %}

{% macro hashes(table, values) %}
SELECT _partition_id AS partition, count() AS n, sum(cityHash64({{ values | join(", ") }})) AS hash
FROM {{ table }}
GROUP BY partition
ORDER BY partition
{% endmacro %}

{% macro totals(table, sums, merged) %}
SELECT count() AS n{% for name in sums %}, sum({{ name }}) AS {{ name }}_{% endfor %}

FROM {{ table }}{{ " FINAL" if merged }}
{% endmacro %}

{# What a move that was killed may have left running on the server. #}
{% macro stop_inserts() %}
KILL QUERY
WHERE current_database = currentDatabase() AND startsWith(query, 'INSERT INTO moving_')
SYNC
{% endmacro %}

{% macro unfinished_mutations() %}
SELECT DISTINCT table FROM system.mutations WHERE database = currentDatabase() AND NOT is_done
{% endmacro %}
