-- The visitors of the period, as the overview counts them.
{% if counted %}
SELECT uniqExact(visitor) AS visitors
FROM {{ activity }}
WHERE project_id = {project:UUID}
  AND hour >= {start:DateTime64(3,'UTC')}
  AND hour < {end:DateTime64(3,'UTC')}
  AND {{ counts }}
{% else %}
SELECT uniqExact(xxh3(visitor_id)) AS visitors
FROM events
WHERE project_id = {project:UUID}
  AND timestamp >= {start:DateTime64(3,'UTC')}
  AND timestamp < {end:DateTime64(3,'UTC')}
  AND {{ counts }}
  {{ people_filter }}
{% endif %}
