-- Viewers of entities of a type, by day: persons by country, by the latest value of each trait, and in total (`*`).
WITH viewers AS
(
    SELECT DISTINCT
        toString(toDate(timestamp, {timezone:String})) AS day, entity_id, {{ person }} AS person, toString(country) AS place
    FROM events
    WHERE project_id = {project:UUID}
      AND name IN {names:Array(String)}
      AND timestamp >= {start:DateTime64(3,'UTC')}
      AND timestamp < {end:DateTime64(3,'UTC')}
      AND entity_type = {entity_type:String}
{% if some %}
      AND entity_id IN {ids:Array(String)}
{% endif %}
      AND {{ counts }}
)
SELECT day, entity_id AS id, '' AS trait, place AS value, uniqExact(person) AS persons
FROM viewers
WHERE place != ''
GROUP BY day, id, value
UNION ALL
SELECT day, entity_id AS id, '*' AS trait, '' AS value, uniqExact(person) AS persons
FROM viewers
GROUP BY day, id
{% if traits %}
UNION ALL
SELECT v.day AS day, v.entity_id AS id, s.said.1 AS trait, s.said.2 AS value, uniqExact(v.person) AS persons
FROM viewers AS v
INNER JOIN
(
    SELECT person, arrayJoin([
{% for trait in traits %}
        ('{{ trait }}', maxIf((timestamp, toString(t_{{ trait }})), t_{{ trait }} != '').2){{ "," if not loop.last }}
{% endfor %}
    ]) AS said
    FROM
    (
        SELECT
            {{ person }} AS person,
{% for trait in traits %}
            ifNull(toString(properties.`{{ trait }}`), '') AS t_{{ trait }},
{% endfor %}
            timestamp
        FROM events
        WHERE project_id = {project:UUID} AND name = 'identify'
    )
    GROUP BY person
) AS s ON v.person = s.person
WHERE s.said.2 != ''
GROUP BY day, id, trait, value
{% endif %}
