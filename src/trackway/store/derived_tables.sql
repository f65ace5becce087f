{# The sessions as if each had been written once, so that a row adds its whole session to the counters. #}
{% macro sessions_written_once() -%}
(
    SELECT * REPLACE (
        toInt8(1) AS changes_sessions,
        toInt8(acts <= 1) AS changes_bounces,
        toInt32(events) AS changes_events,
        toInt32(page_views) AS changes_page_views,
        toInt64(dateDiff('millisecond', started_at, ended_at)) AS changes_duration_ms
    )
    FROM sessions FINAL
    WHERE NOT gone
)
{%- endmacro %}

{# Which events are actions is the same as in the view of `actions`. #}
{% macro count_actions() %}
SELECT count() FROM events
WHERE type IN ('page', 'screen', 'track')
  AND name NOT IN ('impression', 'engagement', 'time_in_view', 'scroll', 'web_vital', 'error', 'messages_dropped', 'Session Ended')
{% endmacro %}

{% macro views() %}
SELECT name
FROM system.tables
WHERE database = currentDatabase() AND engine = 'MaterializedView'
ORDER BY name
{% endmacro %}

{# Fill a table with the statement of a view on it. Counts of raw views that were deleted are in `view_archive`. #}
{% macro fill(table, statement) %}
INSERT INTO {{ table }}
{{ statement }}
{% if table == "view_counts" %}
UNION ALL
SELECT project_id, entity_type, entity_id, bot, views, anonymous, sessions, viewers, last_viewed FROM view_archive FINAL
{% endif %}
SETTINGS insert_deduplicate = 0, max_partitions_per_insert_block = 0
{% endmacro %}
