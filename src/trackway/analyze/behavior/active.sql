-- For each day, the change from the day before in the number of people active in the last 1, 7 and 30 days. A person
-- who was active on a day counts for `span` days from that day on; overlapping stretches are merged.
{% from "language/time.sql" import ordinal %}
SELECT span, change.1 AS day, toInt64(sum(change.2)) AS persons
FROM
(
    SELECT {{ person }} AS person, arraySort(groupUniqArray({{ ordinal(source.at, "day") }})) AS days
    FROM {{ source.table }}
    WHERE project_id = {project:UUID}
      AND {{ source.at }} >= {since:DateTime64(3,'UTC')}
      AND {{ source.at }} < {end:DateTime64(3,'UTC')}
      AND {{ names }}
      AND {{ source.conditions }}
    GROUP BY person
)
ARRAY JOIN [1, 7, 30] AS span
ARRAY JOIN arrayConcat(
    arrayMap(day -> (day, 1),
        arrayFilter((day, before) -> day - before > span, days, arrayPushFront(arrayPopBack(days), toInt32(-1000000)))),
    arrayMap(day -> (toInt32(day + span), -1),
        arrayFilter((day, after) -> after - day > span, days, arrayPushBack(arrayPopFront(days), toInt32(1000000))))
) AS change
GROUP BY span, day
ORDER BY span, day
