-- Visits of the period by source; costs are divided by their number.
SELECT
{% for column in columns %}
    toString({{ column }}) AS {{ column }},
{% endfor %}
    count() AS visits
FROM sessions FINAL
WHERE project_id = {project:UUID}
  AND started_at >= {start:DateTime64(3,'UTC')}
  AND started_at < {end:DateTime64(3,'UTC')}
  AND page_views > 0
  {{ session_filter }}
GROUP BY ALL
