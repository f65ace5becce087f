-- How many people there were by a moment, of those that a filter means.
SELECT uniqExact({{ person }}) AS persons
FROM {{ table }}
WHERE project_id = {project:UUID}
  AND {{ at }} < {end:DateTime64(3,'UTC')}
  AND {{ conditions }}
