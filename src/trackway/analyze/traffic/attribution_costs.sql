-- Costs of the period by source, in the project's currency at the day's rate; clicks and impressions as the advertising
-- platforms counted them.
SELECT
{% for column in columns %}
    c.{{ column }} AS {{ column }},
{% endfor %}
    sum(toDecimal128(toDecimal128(c.cost, 4) * r.rate, 4)) AS cost,
    countIf(r.rate = 0) AS unconverted,
    sum(c.clicks) AS clicks,
    sum(c.impressions) AS impressions
FROM
(
    SELECT * FROM costs FINAL
    WHERE project_id = {project:UUID}
      AND day >= toDate({start:DateTime64(3,'UTC')}, {timezone:String})
      AND day <= toDate({end:DateTime64(3,'UTC')} - INTERVAL 1 MILLISECOND, {timezone:String})
) AS c
ASOF LEFT JOIN
(
    SELECT currency, day, rate FROM rates FINAL WHERE project_id = {project:UUID}
) AS r ON c.currency = r.currency AND c.day >= r.day
GROUP BY ALL
