-- The number of units that reached each step, and the time from each step to each later one.
{% macro void(k) %}{% if ends.get(k) %} AND bitAnd(w, {{ ends[k] }}) = 0{% endif %}{% endmacro %}
{% macro s(k, own) %}
{% if ends.get(k) %}arrayMap((w, began) -> if(bitAnd(w, {{ ends[k] }}) != 0, toInt64(1), began), what, {{ own }}) AS s_{{ k }},{% else %}{{ own }} AS s_{{ k }},{% endif %}
    arrayFill(began -> began != 0, s_{{ k }}) AS l_{{ k }},
{% endmacro %}
{% from "language/time.sql" import bucket %}
{% if show == "whole" %}
-- The pairs of steps are in order of the later step, so the pairs that a unit completed come first.
SELECT
{% if timed %}
    countForEach(waits) AS units,
    avgForEach(waits) AS mean,
    quantilesExactInclusiveForEach(0.1, 0.25, 0.5, 0.75, 0.9, 0.99)(waits) AS quantiles,
    minForEach(waits) AS least,
    maxForEach(waits) AS most,
    sumMapForEach(arrayMap(ms -> map(toUInt8(if(ms < 1000, 0, 1 + floor(log2(ms / 1000)))), toUInt64(1)), waits)) AS bins,
{% endif %}
{% if collapsed %}
    sum(weight) AS entered,
{% else %}
    count() AS entered,
{% endif %}
    countForEach(times) AS reached
FROM
(
    SELECT
{% if collapsed %}
        weight,
{% endif %}
{% if timed %}
        arrayMap(pair -> times[pair.2] - times[pair.1], arraySlice({{ pairs }}, 1, intDiv(level * (level - 1), 2))) AS waits,
{% endif %}
        times
    FROM ({% include "behavior/funnel_units.sql" %})
)
{% elif show == "steps" %}
SELECT
    {% if by %}if(value IN
    (
        SELECT value FROM ({% include "behavior/funnel_units.sql" %}) GROUP BY value ORDER BY count() DESC, value LIMIT {top:UInt32}
    ), [value], emptyArrayString()) AS part,{% endif %}
    {% if interval %}{{ bucket("fromUnixTimestamp64Milli(times[1], 'UTC')", interval) }} AS at,{% endif %}
    level,
    count() AS units
FROM ({% include "behavior/funnel_units.sql" %})
GROUP BY {% if by %}part, {% endif %}{% if interval %}at, {% endif %}level
ORDER BY {% if by %}part, {% endif %}{% if interval %}at, {% endif %}level
{% elif show == "units" %}
SELECT shown AS unit, level, times
FROM ({% include "behavior/funnel_units.sql" %})
WHERE {{ level }}
ORDER BY times[length(times)] DESC, shown
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
{% elif show == "rows" %}
SELECT
    shown AS unit,
    position,
    fromUnixTimestamp64Milli(times[position], 'UTC') AS at,
    (times[position] - times[1]) / 1000 AS from_start_s,
    if(position > 1, (times[position] - times[position - 1]) / 1000, NULL) AS from_previous_s
FROM ({% include "behavior/funnel_units.sql" %})
ARRAY JOIN arrayEnumerate(times) AS position
ORDER BY times[1] DESC, shown, position
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
{% endif %}
