-- The most viewed entities of a period, with their names from the register.
SELECT
    t.entity_type AS entity_type,
    t.entity_id AS entity_id,
    any(r.name) AS name,
    any(t.views) AS views,
    any(t.anonymous) AS anonymous
FROM
(
    SELECT v.entity_type AS entity_type, v.entity_id AS entity_id, sum(v.views) AS views, sum(v.anonymous) AS anonymous
    FROM view_hours AS v
    WHERE project_id = {project:UUID}
      AND hour >= {start:DateTime64(3,'UTC')}
      AND hour < {end:DateTime64(3,'UTC')}
      AND {{ counts }}
{% if of_type %}
      AND entity_type = {entity_type:String}
{% endif %}
    GROUP BY entity_type, entity_id
    ORDER BY views DESC, entity_type, entity_id
    LIMIT {limit:UInt32}
) AS t
LEFT JOIN
(
    SELECT entity_type, entity_id, name FROM entities FINAL WHERE project_id = {project:UUID} AND NOT deleted
) AS r ON t.entity_type = r.entity_type AND t.entity_id = r.entity_id
GROUP BY entity_type, entity_id
ORDER BY views DESC, entity_type, entity_id
