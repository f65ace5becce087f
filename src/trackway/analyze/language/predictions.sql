{# What is predicted of people. #}
{% macro rows_of(target) %}
predictions FINAL WHERE project_id = {project:UUID} AND target = {{ target }}
{%- endmacro %}

{# The band of the prediction for the person of a row, looked up in a list of pairs, which is sorted because the engine may
   make it twice. A person whose identities have several predictions counts by the highest, as in filters. #}
{% macro bands(person, rows, amounts) %}
transform({{ person }}, ({{ pairs(person, rows, amounts) }}).1, ({{ pairs(person, rows, amounts) }}).2, '')
{%- endmacro %}
{% macro pairs(person, rows, amounts) %}
SELECT arrayPushFront(arraySort(groupArray((person_number, {{ amount() if amounts else share() }}))), (0, ''))
FROM (SELECT {{ person }} AS person_number, max(prediction) AS whole FROM {{ rows }} GROUP BY person_number)
{%- endmacro %}

{% macro share() %}
concat(toString(least(9, toUInt8(floor(whole * 10))) * 10), '–', toString(least(9, toUInt8(floor(whole * 10))) * 10 + 10), ' %')
{%- endmacro %}
{% macro amount() %}
multiIf(whole < 1, '0–1',
    concat(toString(toUInt64(exp10(floor(log10(whole))) * multiIf({{ leading() }} < 2, 1, {{ leading() }} < 5, 2, 5))), '–',
        toString(toUInt64(exp10(floor(log10(whole))) * multiIf({{ leading() }} < 2, 2, {{ leading() }} < 5, 5, 10)))))
{%- endmacro %}
{% macro leading() %}
whole / exp10(floor(log10(whole)))
{%- endmacro %}
