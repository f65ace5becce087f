-- A period's visitors and events (or sessions) by one column or property.
SELECT
    {{ dimension }} AS value,
    uniqExact(visitor_id) AS visitors,
{% if source == "sessions FINAL" %}
    count() AS sessions,
    countIf(events = 1) / count() AS bounce_rate,
    sum(page_views) AS page_views
{% else %}
    count() AS events,
    countIf(type IN ('page', 'screen')) AS page_views
{% endif %}
FROM {{ source }}
WHERE project_id = {project:UUID}
  AND {{ at }} >= {start:DateTime64(3,'UTC')}
  AND {{ at }} < {end:DateTime64(3,'UTC')}
{% if pages_only %}
  AND type IN ('page', 'screen')
{% endif %}
  {{ conditions }}
GROUP BY value
ORDER BY {{ order }} DESC, value
LIMIT {limit:UInt32}
