{# Fails when a restart of the server has emptied a table in memory that `rewrite` filled. #}
{% macro whole(table) %}(SELECT throwIf(count() != {rows:UInt64}, '{{ table }} was emptied') FROM {{ table }}) = 0{% endmacro %}

{% macro move(columns) %}
UPDATE events SET
{% for name in columns %}
    {{ name }} = joinGet('moves', '{{ name }}', project_id, event_id){{ "," if not loop.last }}
{% endfor %}
WHERE {{ whole("moves") }}
  AND project_id IN (SELECT project_id FROM moves)
  AND timestamp IN (SELECT at FROM moves)
  AND (project_id, event_id) IN (SELECT project_id, event_id FROM moves)
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
