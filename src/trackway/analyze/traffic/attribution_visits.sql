-- Visits of the period by where they came from: what was spent is divided among these.
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
