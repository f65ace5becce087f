{% from "store/moved_events.sql" import whole %}

{# The value of a column of `late_sign_outs` for the visitor of a stored row. #}
{% macro of_visitor(column, table) %}joinGet('{{ table }}', '{{ column }}', concat(toString(project_id), visitor_id)){% endmacro %}

{# The new identity of a row at a time, or 0. #}
{% macro new_identity(at, table) -%}
arraySum(
    (since_, until_, identity_) -> if(
        toUnixTimestamp64Milli({{ at }}) > since_ AND toUnixTimestamp64Milli({{ at }}) <= until_, identity_, 0),
    {{ of_visitor("since", table) }},
    {{ of_visitor("until", table) }},
    {{ of_visitor("identity", table) }}
)
{%- endmacro %}

{# Rows of these visitors that may have to change. #}
{% macro may_change(at) -%}
project_id IN (SELECT project_id FROM late_sign_outs)
  AND (project_id, visitor_id) IN (SELECT project_id, visitor_id FROM late_sign_outs)
  AND {{ at }} > (SELECT fromUnixTimestamp64Milli(min(arrayMin(since)), 'UTC') FROM late_sign_outs)
{%- endmacro %}

{# Rows whose identity has to change. #}
{% macro changes(at, table) -%}
{{ may_change(at) }}
  AND {{ new_identity(at, table) }} != 0
  AND {{ new_identity(at, table) }} != identity
{%- endmacro %}

{# Rows whose identity has to change and that name no user. #}
{% macro changes_anonymous(at) -%}
{{ whole("late_sign_outs") }} AND {{ changes(at, "late_sign_outs") }} AND user_id = ''
{%- endmacro %}

{# Each row twice: the old identity counts one less, and the new identity counts one more. #}
{% macro with_both_identities() %}ARRAY JOIN [changed.identity, changed.new_identity] AS affected_identity, [-1, 1] AS change{% endmacro %}

{# The duration is the same expression as in the view of `person_hours`. #}
{% macro changing_events() -%}
(
    SELECT
        project_id,
        visitor_id,
        timestamp,
        type,
        name,
        entity_type,
        entity_id,
        bot,
        timezone,
        identity,
        {{ new_identity("timestamp", "late_sign_outs") }} AS new_identity,
        coalesce(
            toFloat64OrNull(toString(properties.duration_s)), toFloat64OrNull(toString(properties.visible_s)), 0
        ) AS stated_s,
        if(stated_s BETWEEN 0 AND 1e9, stated_s, 0) AS lasted_s
    FROM events
    WHERE {{ changes_anonymous("timestamp") }}
) AS changed
{{ with_both_identities() }}
{%- endmacro %}

{% macro changing_sessions() -%}
(
    SELECT *, {{ new_identity("started_at", "late_sign_outs") }} AS new_identity
    FROM sessions FINAL
    WHERE {{ changes_anonymous("started_at") }}
) AS changed
{{ with_both_identities() }}
{%- endmacro %}

{# Repeating the insert with the same token changes nothing. #}
{% macro once(token) %}SETTINGS insert_deduplication_token = 'separate-{{ token }}', insert_deduplicate = 1{% endmacro %}

{% macro correct_activity(token) %}
INSERT INTO activity
SELECT
    changed.project_id,
    toStartOfHour(toDateTime(changed.timestamp, 'UTC')) AS hour,
    affected_identity,
    xxh3(changed.visitor_id) AS visitor,
    changed.bot AS bot,
    toInt64(sum(change)) AS n
FROM {{ changing_events() }}
GROUP BY ALL
{{ once(token) }}
{% endmacro %}

{% macro correct_person_hours(token) %}
INSERT INTO person_hours
SELECT
    changed.project_id,
    affected_identity AS identity,
    toStartOfHour(toDateTime(changed.timestamp, 'UTC')) AS hour,
    changed.name AS name,
    changed.bot AS bot,
    toInt64(sum(change)) AS n,
    sum(change * changed.lasted_s) AS duration_s
FROM {{ changing_events() }}
GROUP BY ALL
{{ once(token) }}
{% endmacro %}

{# Which events are actions is the same as in the view of `actions`. #}
{% macro correct_actions(token) %}
INSERT INTO actions
SELECT
    changed.project_id,
    affected_identity AS identity,
    changed.timestamp AS timestamp,
    changed.name AS name,
    changed.entity_type AS entity_type,
    changed.entity_id AS entity_id,
    changed.bot AS bot,
    toInt64(sum(change)) AS actions,
    sum(change * changed.lasted_s) AS duration_s,
    max(changed.timezone) AS timezone
FROM {{ changing_events() }}
WHERE changed.type IN ('page', 'screen', 'track')
  AND changed.name NOT IN ('impression', 'engagement', 'time_in_view', 'scroll', 'web_vital', 'error', 'messages_dropped', 'Session Ended')
GROUP BY ALL
{{ once(token) }}
{% endmacro %}

{% macro correct_session_hours(token) %}
INSERT INTO session_hours
SELECT
    changed.project_id,
    toStartOfHour(toDateTime(changed.started_at, 'UTC')) AS hour,
    affected_identity AS identity,
    changed.bot AS bot,
    false AS named,
    toInt64(sum(change)) AS sessions
FROM {{ changing_sessions() }}
GROUP BY ALL
{{ once(token) }}
{% endmacro %}

{% macro sessions_by(column) %}sumMap(map(toString(changed.{{ column }}), toInt64(change))){% endmacro %}

{% macro correct_customers(token) %}
INSERT INTO customers
SELECT
    changed.project_id AS project_id,
    affected_identity AS identity,
    changed.bot AS bot,
    max(changed.visitor_id) AS visitor_id,
    max(toString(changed.visitor_name)) AS visitor_name,
    '' AS user_id,
    false AS named,
    argMaxIfState('', changed.started_at, toUInt8(0)) AS known_as,
    min(changed.started_at) AS first_seen,
    max(changed.ended_at) AS last_seen,
    toDateTime64('2299-01-01 00:00:00', 3, 'UTC') AS registered_at,
    toDateTime64(0, 3, 'UTC') AS signed_in_at,
    toInt64(0) AS reviews,
    toInt64(sum(change)) AS sessions,
    toInt64(sum(change * dateDiff('millisecond', changed.started_at, changed.ended_at))) AS duration_ms,
    {{ sessions_by("device") }} AS devices,
    {{ sessions_by("browser") }} AS browsers,
    {{ sessions_by("system") }} AS systems,
    {{ sessions_by("country") }} AS countries,
    max((changed.visitor_id, toString(changed.visitor_name))) AS shown
FROM {{ changing_sessions() }}
GROUP BY project_id, affected_identity, bot
{{ once(token) }}
{% endmacro %}

{# Orders that name no user: one row under the new identity, and one under the old that marks the order as gone. #}
{% macro move_orders() %}
INSERT INTO orders
SELECT * REPLACE (affected_identity AS identity, version + 1 AS version, leaves AS gone) EXCEPT (new_identity, affected_identity, leaves)
FROM
(
    SELECT *, {{ new_identity("named_at", "late_sign_outs") }} AS new_identity
    FROM orders FINAL
    WHERE {{ changes_anonymous("named_at") }} AND NOT gone
) AS changed
ARRAY JOIN [changed.identity, changed.new_identity] AS affected_identity, [true, false] AS leaves
{% endmacro %}

{% macro restate_order_totals() %}
INSERT INTO order_totals
SELECT *
FROM order_totals_now
WHERE project_id IN (SELECT project_id FROM late_sign_outs)
  AND identity IN (
      SELECT identity FROM orders WHERE {{ whole("late_sign_outs") }} AND {{ may_change("named_at") }}
  )
{% endmacro %}

{% macro update_events() %}
UPDATE events SET identity = {{ new_identity("timestamp", "late_sign_outs") }}
WHERE {{ changes_anonymous("timestamp") }}
{% endmacro %}

{% macro update_sessions() %}
UPDATE sessions SET identity = {{ new_identity("started_at", "late_sign_outs") }}
WHERE {{ changes_anonymous("started_at") }}
{% endmacro %}

{# The database, when a claim of an old identity is in it. #}
{% macro database_with_claims() %}
SELECT currentDatabase() AS place
FROM claims
WHERE {{ whole("late_sign_outs") }} AND {{ changes("at", "late_sign_outs") }}
LIMIT 1
{% endmacro %}

{# The table is small, and its engine has no lightweight updates. A mutation runs without a current database, and must
   not fail for ever when it is resumed after a restart: so it names the database and does not check `whole`. #}
{% macro delete_claims(database) %}
ALTER TABLE claims DELETE WHERE {{ changes("at", database ~ ".late_sign_outs") }} SETTINGS mutations_sync = 1
{% endmacro %}
