{% from "store/lists.sql" import listed %}

{# Rows of the listed visitors, stated three times: for the primary key, for the skip index, and exactly. #}
{% macro of_visitors(column) -%}
project_id IN {{ listed("project_id") }}
  AND {{ column }} IN {{ listed("visitor_id") }}
  AND (project_id, {{ column }}) IN {{ listed("project_id, visitor_id") }}
{%- endmacro %}

{# The columns of a struct as `objects` reads them: times in milliseconds, properties as JSON. #}
{% macro selected(columns) -%}
{% for name in columns %}
{% if name in ("timestamp", "received_at") or name.endswith("_at") %}
    toUnixTimestamp64Milli({{ name }}) AS {{ name }}_{{ "," if not loop.last }}
{% elif name == "properties" %}
    toJSONString(properties) AS properties_{{ "," if not loop.last }}
{% else %}
    {{ name }}{{ "," if not loop.last }}
{% endif %}
{% endfor %}
{%- endmacro %}

{% macro sessions_of(columns) %}
SELECT
    {{ selected(columns) }}
FROM sessions FINAL
WHERE {{ of_visitors("visitor_id") }}
  AND started_at BETWEEN fromUnixTimestamp64Milli({since:Int64}) AND fromUnixTimestamp64Milli({until:Int64})
{% endmacro %}

{# Whether a project is not one of those that another loader has. #}
{% macro own(others) %}{% if others %}project_id NOT IN {others:Array(UUID)}{% else %}true{% endif %}{% endmacro %}

{% macro newest_session(others) %}
SELECT toUnixTimestamp64Milli(max(ended_at)) AS at, count() AS n FROM sessions WHERE {{ own(others) }}
{% endmacro %}

{% macro recent(columns, others) %}
SELECT
    {{ selected(columns) }}
FROM sessions FINAL
WHERE ended_at >= fromUnixTimestamp64Milli({since:Int64}) AND {{ own(others) }}
{% endmacro %}

{% macro events_of(columns) %}
SELECT
    {{ selected(columns) }}
FROM events
WHERE {{ of_visitors("visitor_id") }}
  AND (visitor_id, session_id) IN {{ listed("visitor_id, session_id") }}
  AND timestamp BETWEEN fromUnixTimestamp64Milli({since:Int64}) AND fromUnixTimestamp64Milli({until:Int64})
{% endmacro %}

{# An order can have several rows, and the newest is last. An order that moved left its older rows marked as gone. #}
{% macro orders_of(columns) %}
SELECT
    {{ selected(columns) }}
FROM orders
WHERE project_id IN {{ listed("project_id") }}
  AND order_id IN {{ listed("order_id") }}
  AND (project_id, order_id) IN {{ listed("project_id, order_id") }}
  AND NOT gone
ORDER BY version
{% endmacro %}

{% macro numbers_of() %}
SELECT token, any(number) AS n FROM identities WHERE token IN {{ listed("token") }} GROUP BY token
{% endmacro %}

{% macro sign_outs_of() %}
SELECT project_id, visitor_id, toUnixTimestamp64Milli(at) AS at_
FROM sign_outs FINAL
WHERE {{ of_visitors("visitor_id") }}
ORDER BY at
{% endmacro %}

{% macro last_seen() %}
SELECT project_id, visitor_id, toUnixTimestamp64Milli(max(at)) AS at_
FROM
(
    SELECT project_id, visitor_id, last_seen AS at FROM visitors WHERE {{ of_visitors("visitor_id") }}
    UNION ALL
    SELECT project_id, previous_id AS visitor_id, at FROM aliases WHERE {{ of_visitors("previous_id") }}
)
GROUP BY project_id, visitor_id
{% endmacro %}

{% macro users_of() %}
SELECT separated.token AS identity, seen.user_id AS user_id, toUnixTimestamp64Milli(min(seen.at)) AS first
FROM
(
    SELECT project_id, visitor_id, user_id, timestamp AS at
    FROM events
    WHERE {{ of_visitors("visitor_id") }}
      AND user_id != ''
      AND timestamp > fromUnixTimestamp64Milli({since:Int64})
    UNION ALL
    SELECT project_id, previous_id AS visitor_id, user_id, at FROM aliases WHERE {{ of_visitors("previous_id") }}
) AS seen
INNER JOIN {{ listed("project_id, visitor_id, token, since, until") }} AS separated
    ON seen.project_id = separated.project_id AND seen.visitor_id = separated.visitor_id
WHERE seen.at > separated.since AND seen.at <= separated.until
GROUP BY identity, user_id
{% endmacro %}
