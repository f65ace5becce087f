-- What each person has in common with one of them (`self`): their interactions, weighted by engagement score and added up
-- by entity, as vectors. `dot` and `square` make the cosine. Actions of the same moment count as in actions.sql.
SELECT person, sum(weight * own) AS dot, sum(weight * weight) AS square, countIf(own > 0) AS shared
FROM
(
    SELECT person, weight, sumIf(weight, person = {self:UInt64}) OVER (PARTITION BY entity_type, entity_id) AS own
    FROM
    (
        SELECT person, entity_type, entity_id, sum(times * score) AS weight
        FROM
        (
            SELECT
                {{ person }} AS person, entity_type, entity_id, name, timestamp AS at, sum(actions) AS times,
                greatest(0, sum(duration_s)) / times AS lasted_s,
                least(1, {base:Float64} + {over_30:Float64} * (lasted_s > 30) + {over_60:Float64} * (lasted_s > 60)
                    + {over_120:Float64} * (lasted_s > 120)
                    + transform(name, {names:Array(String)}, {weights:Array(Float64)}, 0.)) AS score
            FROM actions
            WHERE project_id = {project:UUID}
              AND identity IN {identities:Array(UInt64)}
              AND timestamp >= {since:DateTime64(3,'UTC')}
              AND timestamp < {end:DateTime64(3,'UTC')}
              AND entity_id != ''
              AND name IN {names:Array(String)}
              AND {{ counts }}
            GROUP BY person, at, name, entity_type, entity_id
            HAVING times > 0
        )
        WHERE at > transform(person, {cleared:Array(UInt64)}, {cleared_at:Array(DateTime64(3,'UTC'))}, toDateTime64(0, 3, 'UTC'))
        GROUP BY person, entity_type, entity_id
    )
)
GROUP BY person
HAVING shared > 0
ORDER BY person
