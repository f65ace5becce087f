-- The number of people counted for the first time in the period, by hour, day, week or month.
{% from "language/time.sql" import bucket %}
SELECT
    {{ bucket("first", interval) }} AS at,
    toFloat64(count()) AS value
FROM
(
    SELECT min({{ source.at }}) AS first
    FROM {{ source.table }}
    WHERE project_id = {project:UUID}
      AND {{ source.at }} >= {start:DateTime64(3,'UTC')}
      AND {{ source.at }} < {end:DateTime64(3,'UTC')}
      AND {{ source.conditions }}
    GROUP BY {{ unit }}
)
GROUP BY at
ORDER BY at
