-- Sessions by source, from the hourly counters.
SELECT
{% for column in columns %}
    c.{{ column }} AS {{ column }},
{% endfor %}
    sum(c.sessions) AS sessions,
    sum(c.bounces) / sum(c.sessions) AS bounce_rate,
    sum(c.duration_ms) / sum(c.sessions) / 1000 AS duration_s,
    sum(c.page_views) AS page_views
FROM source_counts AS c
WHERE project_id = {project:UUID}
  AND hour >= {start:DateTime64(3,'UTC')}
  AND hour < {end:DateTime64(3,'UTC')}
  AND {{ counts }}
GROUP BY {{ columns | join(", ") }}
HAVING sessions > 0
ORDER BY sessions DESC, {{ columns | join(", ") }}
LIMIT {limit:UInt32}
