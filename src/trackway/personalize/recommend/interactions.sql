-- What each person (or only those with some `identities`) did with the entities of a type: the sum of the engagement
-- scores, and the times of the first and the last interaction. Actions of the same moment count as in actions.sql.
SELECT person, entity_id, toFloat32(sum(times * score)) AS weight, min(at) AS first_at, max(at) AS last_at
FROM
(
    SELECT
        {{ person }} AS person, entity_id, name, timestamp AS at, sum(actions) AS times,
        greatest(0, sum(duration_s)) / times AS lasted_s,
        least(1, {base:Float64} + {over_30:Float64} * (lasted_s > 30) + {over_60:Float64} * (lasted_s > 60)
            + {over_120:Float64} * (lasted_s > 120)
            + transform(name, {names:Array(String)}, {weights:Array(Float64)}, 0.)) AS score
    FROM actions
    WHERE project_id = {project:UUID}
      {% if some %}AND identity IN {identities:Array(UInt64)}{% endif %}
      AND timestamp >= {since:DateTime64(3,'UTC')}
      AND timestamp < {end:DateTime64(3,'UTC')}
      AND entity_type = {entity_type:String}
      AND entity_id != ''
      AND name IN {names:Array(String)}
      AND {{ counts }}
    GROUP BY person, at, name, entity_id
    HAVING times > 0
)
GROUP BY person, entity_id
ORDER BY person, entity_id
LIMIT {most:UInt32}
