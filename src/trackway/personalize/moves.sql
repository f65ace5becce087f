-- The moves of people from one moment to the next. A person's states are the numbers of their rules at each moment, plus 1;
-- 0 is a person who was not there yet.
SELECT step.1 AS interval, step.2 AS was, step.3 AS became, count() AS people
FROM
(
    SELECT person_number, groupArrayInsertAt(0, {{ moments | length }})(toUInt8(rule + 1), toUInt32(moment)) AS states
    FROM
    (
{% for everybody in moments %}
        SELECT person_number, rule, {{ loop.index0 }} AS moment FROM ({{ everybody }}) WHERE there
        {{ "UNION ALL" if not loop.last }}
{% endfor %}
    )
    GROUP BY person_number
)
ARRAY JOIN arrayZip(range({{ moments | length - 1 }}), arrayPopBack(states), arrayPopFront(states)) AS step
WHERE became > 0
GROUP BY step
ORDER BY interval, was, became
