{# Fails when a restart of the server has emptied a table in memory that `rewrite` filled. #}
{% macro whole(table) %}(SELECT throwIf(count() != {rows:UInt64}, '{{ table }} was emptied') FROM {{ table }}) = 0{% endmacro %}

{% macro move(columns, table) %}
UPDATE events SET
{% for name in columns %}
    {{ name }} = joinGet('{{ table }}', '{{ name }}', project_id, event_id){{ "," if not loop.last }}
{% endfor %}
WHERE {{ whole(table) }}
  AND project_id IN (SELECT project_id FROM {{ table }})
  AND timestamp IN (SELECT at FROM {{ table }})
  AND (project_id, event_id) IN (SELECT project_id, event_id FROM {{ table }})
{% endmacro %}

{# The tables that have updates which are not written into their parts yet, and no mutation that does it. #}
{% macro settle() %}
SELECT DISTINCT table
FROM system.parts
WHERE active
  AND database = currentDatabase()
  AND startsWith(partition_id, 'patch-')
  AND table NOT IN (SELECT table FROM system.mutations WHERE database = currentDatabase() AND NOT is_done)
ORDER BY table
{% endmacro %}
