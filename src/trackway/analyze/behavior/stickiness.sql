-- The number of people by the number of days (weeks, months) of the period on which they were active.
{% from "language/time.sql" import ordinal %}
SELECT intervals, count() AS persons
FROM
(
    SELECT {{ person }} AS person, uniqExact({{ ordinal(source.at, interval) }}) AS intervals
    FROM {{ source.table }}
    WHERE project_id = {project:UUID}
      AND {{ source.at }} >= {start:DateTime64(3,'UTC')}
      AND {{ source.at }} < {end:DateTime64(3,'UTC')}
      AND {{ names }}
      AND {{ source.conditions }}
    GROUP BY person
)
GROUP BY intervals
ORDER BY intervals
