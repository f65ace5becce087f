-- People who are new, returning, resurrecting or dormant in each interval.
{% from "language/time.sql" import ordinal %}
{# The interval of a row. Rows before the period are never in one of its intervals. #}
{% set which = "if(" ~ source.at ~ " < {start:DateTime64(3,'UTC')}, least({first:Int32} - 1, " ~ ordinal(source.at, interval) ~ "), " ~ ordinal(source.at, interval) ~ ")" %}
SELECT
{% if show == "counts" %}
    bar.1 AS at,
    bar.2 AS status,
    count() AS persons
{% else %}
    person,
    first
{% endif %}
FROM
(
    SELECT
        {{ person }} AS person,
        min({{ which }}) AS first,
        groupUniqArrayIf(toInt32({{ which }}), {{ source.at }} >= {before:DateTime64(3,'UTC')}) AS active
    FROM {{ source.table }}
    WHERE project_id = {project:UUID}
      AND {{ source.at }} < {end:DateTime64(3,'UTC')}
      AND {{ names }}
      AND {{ source.conditions }}
    GROUP BY person
    HAVING notEmpty(active)
)
ARRAY JOIN arrayConcat(
    arrayMap(number -> (number, multiIf(number = first, 'new', has(active, number - 1), 'returning', 'resurrecting')),
        arrayFilter(number -> number >= {first:Int32}, active)),
    arrayMap(number -> (toInt32(number + 1), 'dormant'),
        arrayFilter(number -> number < {last:Int32} AND NOT has(active, number + 1), active))
) AS bar
{% if show == "counts" %}
GROUP BY at, status
ORDER BY at, status
{% else %}
WHERE bar.1 = {at:Int32} AND bar.2 = {status:String}
ORDER BY person
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
{% endif %}
