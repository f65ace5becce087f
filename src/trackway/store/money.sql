{% macro newest_rates() %}
SELECT currency, max(day) AS since, toString(argMax(rate, day)) AS newest, count() AS days
FROM rates FINAL
WHERE project_id = {project:UUID} AND currency NOT IN ('', {own:String})
GROUP BY currency
ORDER BY currency
{% endmacro %}

{% macro costs() %}
SELECT
    source,
    medium,
    campaign,
    channel,
    currency,
    toString(sum(cost)) AS cost,
    sum(clicks) AS clicks,
    sum(impressions) AS impressions,
    min(day) AS first,
    max(day) AS last
FROM costs FINAL
WHERE project_id = {project:UUID} AND day >= toDate({start:DateTime}) AND day < toDate({end:DateTime})
GROUP BY ALL
ORDER BY sum(costs.cost) DESC
LIMIT 1000
{% endmacro %}
