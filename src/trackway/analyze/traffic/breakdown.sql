-- A period's visitors and events (or sessions) by one column or property.
SELECT value, visitors, {{ "sessions, bounce_rate" if of_sessions else "counted AS events" }}, viewed AS page_views
FROM
(
    SELECT
        {{ dimension }} AS value,
        uniqExact(xxh3(visitor_id)) AS visitors,
{% if of_sessions %}
        count() AS sessions,
        countIf(acts <= 1) / count() AS bounce_rate,
        sum(page_views) AS viewed
{% else %}
        count() AS counted,
        countIf(type IN ('page', 'screen')) AS viewed
{% endif %}
    FROM {{ source }}
    WHERE project_id = {project:UUID}
      AND {{ at }} >= {start:DateTime64(3,'UTC')}
      AND {{ at }} < {end:DateTime64(3,'UTC')}
{% if pages_only %}
      AND name IN ('page', 'screen') AND type IN ('page', 'screen')
{% endif %}
      {{ conditions }}
    GROUP BY value
)
ORDER BY visitors DESC, value
LIMIT {limit:UInt32}
