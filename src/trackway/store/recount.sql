{# The raw views of a project: those that the view ledger counted. #}
{% macro raw_views() %}project_id = {project:UUID} AND name = 'view' AND library = 'views'{% endmacro %}

{# The rows of a counter that are recomputed. #}
{% macro own_rows(counter) %}project_id = {project:UUID}{% if counter.time %} AND {{ counter.time }} >= {start:DateTime('UTC')} AND {{ counter.time }} < {end:DateTime('UTC')}{% endif %}{% endmacro %}

{# The statement of a counter's view, over the events of the stretch. #}
{% macro from_events(counter, statement) -%}
{{ statement | replace("FROM events", "FROM (" ~ events_of_stretch() ~ ")") }}
{% if not counter.time %}
UNION ALL
SELECT project_id, entity_type, entity_id, bot, views, anonymous, sessions, viewers, last_viewed
FROM view_archive FINAL
WHERE project_id = {project:UUID}
{% endif %}
{%- endmacro %}

{% macro events_of_stretch() -%}
SELECT *
FROM events
WHERE project_id = {project:UUID}
  AND timestamp >= {start:DateTime64(3, 'UTC')}
  AND timestamp < {end:DateTime64(3, 'UTC')}
{%- endmacro %}

{% macro delete_own_rows(counter) %}
ALTER TABLE {{ counter.name }} DELETE WHERE {{ own_rows(counter) }} SETTINGS mutations_sync = 2
{% endmacro %}

{% macro insert_own_rows(counter, statement) %}
INSERT INTO {{ counter.name }}
{{ from_events(counter, statement) }}
SETTINGS insert_deduplicate = 0, max_partitions_per_insert_block = 0
{% endmacro %}

{# Distinct keys are counted, because rows that are not merged yet share a key. #}
{% macro count_own_rows(counter) %}
SELECT count() AS n
FROM (SELECT DISTINCT {{ counter.key | join(", ") }} FROM {{ counter.name }} WHERE {{ own_rows(counter) }})
{% endmacro %}

{# One row for each key. A row whose sums are all 0 equals no row. #}
{% macro merged(counter, rows) -%}
SELECT
    {{ counter.key | join(", ") }}
{%- for name in counter.sums %}, round(sum({{ name }}), 3){% endfor %}
{%- for name in counter.unique %}, uniqExactMerge({{ name }}){% endfor %}
{%- for name in counter.latest %}, max({{ name }}){% endfor %}

FROM {{ rows }}
GROUP BY {{ counter.key | join(", ") }}
HAVING {% for name in counter.sums %}sum({{ name }}) != 0{{ " OR " if not loop.last }}{% endfor %}
{%- endmacro %}

{# Distinct keys are counted: a row that differs is in both parts, once as stored and once as recomputed. #}
{% macro differing_rows(counter, statement) %}
{% set stored = merged(counter, counter.name ~ " WHERE " ~ own_rows(counter)) %}
{% set recomputed = merged(counter, "(" ~ from_events(counter, statement) ~ ")") %}
SELECT count() AS n
FROM
(
    SELECT {{ counter.key | join(", ") }} FROM (({{ stored }}) EXCEPT DISTINCT ({{ recomputed }}))
    UNION DISTINCT
    SELECT {{ counter.key | join(", ") }} FROM (({{ recomputed }}) EXCEPT DISTINCT ({{ stored }}))
)
{% endmacro %}

{% macro months_with_views() %}
SELECT toYYYYMM(timestamp) AS month, count() AS n
FROM events
WHERE {{ raw_views() }} AND timestamp < toStartOfMonth({before:DateTime('UTC')})
GROUP BY month
ORDER BY month
{% endmacro %}

{% macro counts_of_month() %}
SELECT
    entity_type,
    entity_id,
    toString(toDate(timestamp)) AS day,
    bot,
    country,
    ifNull(properties.referrer_source.:String, '') AS referrer_source,
    count() AS views,
    countIf(user_id = '') AS anonymous
FROM events
WHERE {{ raw_views() }} AND toYYYYMM(timestamp) = {month:UInt32}
GROUP BY ALL
ORDER BY ALL
{% endmacro %}

{# What tells a set of raw views from others. #}
{% macro batch() %}groupBitXor(cityHash64(event_id)){% endmacro %}

{# The number of archived rows that this month's raw views would add; 0 when a purge was interrupted and is repeated. #}
{% macro unarchived() %}
SELECT count() AS n
FROM
(
    SELECT entity_type, entity_id, bot, {{ batch() }} AS batch
    FROM events
    WHERE {{ raw_views() }} AND toYYYYMM(timestamp) = {month:UInt32}
    GROUP BY entity_type, entity_id, bot
)
WHERE (entity_type, entity_id, bot, batch) NOT IN
(
    SELECT entity_type, entity_id, bot, batch
    FROM view_archive
    WHERE project_id = {project:UUID} AND month = {month:UInt32}
)
{% endmacro %}

{% macro archive_month() %}
INSERT INTO view_archive
SELECT
    project_id,
    toYYYYMM(timestamp) AS month,
    entity_type,
    entity_id,
    bot,
    count() AS views,
    countIf(user_id = '') AS anonymous,
    uniqExactState(xxh3(session_id)) AS sessions,
    uniqExactStateIf(xxh3(user_id), user_id != '') AS viewers,
    max(timestamp) AS last_viewed,
    {{ batch() }} AS batch
FROM events
WHERE {{ raw_views() }} AND toYYYYMM(timestamp) = {month:UInt32}
GROUP BY project_id, month, entity_type, entity_id, bot
{% endmacro %}

{% macro delete_month() %}
ALTER TABLE events DELETE WHERE {{ raw_views() }} AND toYYYYMM(timestamp) = {month:UInt32} SETTINGS mutations_sync = 2
{% endmacro %}
