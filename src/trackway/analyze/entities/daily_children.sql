-- For each parent and day, a metric of the entities that belong to it according to the current register.
SELECT toString(day) AS day, substring(parent, length({parent:String}) + 1) AS id, toInt64({{ counted }}) AS n
FROM
(
    SELECT toDate(i.hour, {timezone:String}) AS day, arrayJoin(e.parents) AS parent, i.entity_id AS entity_id, i.name AS name, i.events AS events
    FROM interaction_hours AS i
    INNER JOIN
    (
        SELECT entity_id, parents
        FROM entities FINAL
        WHERE project_id = {project:UUID} AND entity_type = {entity_type:String} AND NOT deleted
    ) AS e ON i.entity_id = e.entity_id
    WHERE project_id = {project:UUID}
      AND entity_type = {entity_type:String}
      AND hour >= {start:DateTime64(3,'UTC')}
      AND hour < {end:DateTime64(3,'UTC')}
      AND {{ counts }}
)
WHERE startsWith(parent, {parent:String})
{% if some %}
  AND substring(parent, length({parent:String}) + 1) IN {ids:Array(String)}
{% endif %}
GROUP BY day, parent
ORDER BY day, id
