-- The people who interacted with an entity in the period, by a column or trait.
SELECT {{ "said.value" if trait else "value" }} AS value, uniqExact({{ "whom.person" if trait else "person" }}) AS persons
FROM
(
    SELECT {{ person }} AS person{{ "" if trait else ", toString(" ~ by ~ ") AS value" }}
    FROM events
    WHERE project_id = {project:UUID}
      AND timestamp >= {start:DateTime64(3,'UTC')}
      AND timestamp < {end:DateTime64(3,'UTC')}
      {{ within }}
      {{ event_filter }}
)
{% if trait %}
AS whom
LEFT JOIN
(
    SELECT {{ person }} AS person, max((timestamp, toString(properties.{{ trait }}))).2 AS value
    FROM events
    WHERE project_id = {project:UUID} AND name = 'identify' AND toString(properties.{{ trait }}) != ''
    GROUP BY person
) AS said ON whom.person = said.person
{% endif %}
GROUP BY value
ORDER BY persons DESC, value
LIMIT {limit:UInt32}
