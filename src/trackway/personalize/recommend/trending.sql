-- The entities of a type that most people interacted with lately, in a place (a city, region or country) if one is named. A
-- person counts once for an entity, by the time of their newest interaction with it.
SELECT entity_id, toFloat64(sum(exp2(-(toUnixTimestamp({end:DateTime64(3,'UTC')}) - toUnixTimestamp(at)) / {half_life_s:Float64}))) AS score, count() AS people
FROM
(
    SELECT {{ person }} AS person, entity_id, max(timestamp) AS at
    FROM events
    WHERE project_id = {project:UUID}
      AND name IN {names:Array(String)}
      AND timestamp >= {since:DateTime64(3,'UTC')}
      AND timestamp < {end:DateTime64(3,'UTC')}
      AND entity_type = {entity_type:String}
      AND entity_id != ''
      {% if some %}AND {place:String} IN (city, region, country){% endif %}
      AND {{ counts }}
    GROUP BY person, entity_id
)
GROUP BY entity_id
ORDER BY score DESC, entity_id
LIMIT {most:UInt32}
