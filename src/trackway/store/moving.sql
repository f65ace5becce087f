{% from "store/recount.sql" import batch %}

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

{% macro of_piece(belonging) -%}
WHERE {{ belonging }} AND _part = {part:String} AND _part_offset >= {first:UInt64} AND _part_offset < {last:UInt64}
{%- endmacro %}

{% macro piece(table, columns, belonging) %}
SELECT {{ columns | join(", ") }} FROM {{ table }} {{ of_piece(belonging) }}
{% endmacro %}

{% macro rows_of_piece(table, belonging) %}
SELECT count() AS n FROM {{ table }} {{ of_piece(belonging) }}
{% endmacro %}

{% macro hashes(table, values, belonging) %}
SELECT _partition_id AS partition, count() AS n, sum(cityHash64({{ values | join(", ") }})) AS hash
FROM {{ table }}
WHERE {{ belonging }}
GROUP BY partition
ORDER BY partition
{% endmacro %}

{% macro totals(table, sums, merged, belonging) %}
SELECT count() AS n{% for name in sums %}, sum({{ name }}) AS {{ name }}_{% endfor %}

FROM {{ table }}{{ " FINAL" if merged }}
WHERE {{ belonging }}
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

{# Views that are archived and not deleted yet, because a purge was interrupted; its repeat finds them as one batch. #}
{% macro half_purged() %}
SELECT count() AS n
FROM view_archive
WHERE (project_id, month, entity_type, entity_id, bot, batch) IN
(
    SELECT project_id, toYYYYMM(timestamp), entity_type, entity_id, bot, {{ batch() }}
    FROM events
    WHERE name = 'view' AND library = 'views'
    GROUP BY ALL
)
{% endmacro %}
