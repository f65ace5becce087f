{# Where everybody is in their journey. The rules are compiled by journeys.py; personalize/journey.py decides the same for
   one person. #}
{% set never = "toDateTime64('2299-01-01 00:00:00', 3, 'UTC')" %}
{% set nothing = "CAST(NULL, 'Nullable(Float64)')" %}

{# The people of a project who were there before the time `end`, each with the number of the first rule that holds (from
   1; 0 if none does), and whether a row that counts says that they were there. `rule` is the SQL of that number, from
   `activities`, `days`, `completeness` and `newest`. A later event may say when they registered. #}
{% macro journeys(person, counts, end, rule, profile, latest) %}
SELECT person_number, there, {{ rule }} AS rule
FROM
(
    SELECT
        person_number,
        greatest(0, sum(acted)) AS activities,
        min(registered) AS registered_at,
        toFloat64(dateDiff('millisecond', if(registered_at < {{ end }}, registered_at, NULL), {{ end }})) / 1000 / 86400 AS days,
        {{ "ifNull(max(stated), 0)" if profile and profile.filled else "max(stated)" }} AS completeness,
        groupArrayArray(keys) AS newest,
        max(counted) AS there
    FROM
    (
        SELECT
            {{ person }} AS person_number, toInt64(0) AS acted, min(registered_at) AS registered, {{ nothing }} AS stated,
            emptyArrayUInt64() AS keys, min(first_seen) < {{ end }} AS counted
        FROM customers
        WHERE project_id = {project:UUID} AND {{ counts }}
        GROUP BY person_number
        UNION ALL
        SELECT {{ person }} AS person_number, sum(actions), {{ never }}, {{ nothing }}, emptyArrayUInt64(), true
        FROM actions
        WHERE project_id = {project:UUID} AND timestamp < {{ end }} AND {{ counts }}
        GROUP BY person_number
{% if profile %}
        UNION ALL
        {{ completeness(person, counts, end, profile) }}
{% endif %}
{% if latest %}
        UNION ALL
        SELECT person_number, toInt64(0), {{ never }}, {{ nothing }}, groupArraySorted({{ latest.most }})(key), false
        FROM ({{ actions(person, counts, end, latest) }})
        GROUP BY person_number
{% endif %}
    )
    GROUP BY person_number
)
{% endmacro %}

{# How complete the profile of each person is: the first number from 0 to 100 among the newest values of the traits
   `stated`, or the share of the traits `filled` whose newest value is not empty. #}
{% macro completeness(person, counts, end, profile) %}
SELECT
    person_number, toInt64(0), {{ never }},
    multiIf(
    {% for _ in profile.stated %}
        stated_{{ loop.index }} BETWEEN 0 AND 100, stated_{{ loop.index }},
    {% endfor %}
        {% if profile.filled %}100 * ({% for _ in profile.filled %}filled_{{ loop.index }}{{ " + " if not loop.last }}{% endfor %}) / {{ profile.filled | length }}{% else %}{{ nothing }}{% endif %}

    ),
    emptyArrayUInt64(), false
FROM
(
    SELECT
    {% for trait in profile.stated %}
        argMaxOrNullIf(coalesce(toFloat64({{ trait }}.:Int64), {{ trait }}.:Float64, -1.), (timestamp, event_id), isNotNull({{ trait }})) AS stated_{{ loop.index }},
    {% endfor %}
    {% for trait in profile.filled %}
        argMaxIf(JSONExtractRaw(traits, {{ trait }}) NOT IN ('""', '[]', '{}', 'null'), (timestamp, event_id), JSONHas(traits, {{ trait }})) AS filled_{{ loop.index }},
    {% endfor %}
        {{ person }} AS person_number
    FROM (SELECT identity, timestamp, event_id, properties, {{ "toJSONString(properties)" if profile.filled else "''" }} AS traits FROM events WHERE project_id = {project:UUID} AND name = 'identify' AND type = 'identify' AND timestamp < {{ end }} AND {{ counts }})
    GROUP BY person_number
)
{% endmacro %}

{# Actions as numbers that sort like them: the newest first, at the same time by name and type of entity. Names and types
   of the lists have odd ranks, the ones between them even ranks. Rows of an identity that changed subtract actions that
   other rows have, so the rows of those people are added up first; that would take several times as long for
   everybody. #}
{% macro actions(person, counts, end, latest) %}
SELECT person_number, key
FROM
(
    SELECT {{ person }} AS person_number, {{ key(latest) }} AS key, sum(actions) AS times
    FROM actions
    WHERE project_id = {project:UUID} AND timestamp < {{ end }} AND {{ counts }} AND person_number IN ({{ corrected(person) }})
    GROUP BY person_number, key
    HAVING times > 0
    UNION ALL
    SELECT {{ person }} AS person_number, {{ key(latest) }}, actions
    FROM actions
    WHERE project_id = {project:UUID} AND timestamp < {{ end }} AND {{ counts }} AND person_number NOT IN ({{ corrected(person) }})
)
ARRAY JOIN range(toUInt64(least(times, {{ latest.most }})))
{% endmacro %}

{% macro key(latest) %}
bitShiftLeft(toUInt64(4398046511103 - greatest(0, toUnixTimestamp64Milli(timestamp))), 22) + bitShiftLeft({{ rank("name", latest.names) }}, 11) + {{ rank("entity_type", latest.types) }}
{%- endmacro %}
{% macro rank(text, among) %}
toUInt64(2 * arrayCount(one -> one < {{ text }}, {{ among }}) + has({{ among }}, {{ text }}))
{%- endmacro %}
{% macro corrected(person) %}
SELECT {{ person }} FROM actions WHERE project_id = {project:UUID} AND actions < 0
{%- endmacro %}

{# The number of the rule that holds for the person of a row, looked up in a list of pairs. People who are not in the list
   did nothing yet. #}
{% macro rule_of(person, listed, nobody) %}
transform({{ person }}, {{ listed }}.1, {{ listed }}.2, toUInt8({{ nobody }}))
{%- endmacro %}

{# The list of pairs: people and the numbers of their rules. The engine makes it once for a statement, or once for each
   part of a union or join, so it is sorted. #}
{% macro pairs(everybody, nobody) %}
SELECT arrayPushFront(arraySort(groupArray((person_number, toUInt8(rule)))), (0, toUInt8({{ nobody }}))) FROM ({{ everybody }})
{%- endmacro %}
