-- The people who share most of a person's entities, by weight. Of each entity at most `most` identities are read, in the order
-- of `place`, so that a popular entity is not read in full. Weights are whole numbers: sums do not depend on their order.
SELECT person
FROM
(
    SELECT DISTINCT {{ person }} AS person, number, weight
    FROM
    (
        {% for number in range(entities) %}
        SELECT identity, {{ number }} AS number, {w{{ number }}:UInt64} AS weight
        FROM
        (
            SELECT place, identity FROM entity_people
            WHERE project_id = {project:UUID} AND entity_type = {t{{ number }}:String} AND entity_id = {e{{ number }}:String}
              AND last_at >= {since:DateTime64(3,'UTC')} AND {{ counts }}
            ORDER BY place, identity
            LIMIT {most:UInt32}
        )
        {{ "" if loop.last else "UNION ALL" }}
        {% endfor %}
    )
)
WHERE person != {self:UInt64}
GROUP BY person
ORDER BY sum(weight) DESC, person
LIMIT {candidates:UInt32}
