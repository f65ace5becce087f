{% from "store/lists.sql" import listed %}
{% from "store/history.sql" import selected %}

{# The sessions whose row has another number of events than the events name. #}
{% macro differing() %}
SELECT session_id
FROM
(
    SELECT project_id, visitor_id, session_id, count() AS stored, 0 AS counted
    FROM events
    WHERE notEmpty(session_id)
    GROUP BY project_id, visitor_id, session_id
    UNION ALL
    SELECT project_id, visitor_id, session_id, 0 AS stored, events AS counted FROM sessions FINAL WHERE NOT gone
)
GROUP BY project_id, visitor_id, session_id
HAVING sum(stored) != sum(counted)
{% endmacro %}

{% macro sessions(columns) %}
SELECT
    {{ selected(columns) }}
FROM sessions FINAL
WHERE NOT gone AND session_id IN {{ listed("session_id") }}
{% endmacro %}

{% macro events(columns) %}
SELECT
    {{ selected(columns) }}
FROM events
WHERE session_id IN {{ listed("session_id") }}
{% endmacro %}
