-- What people did in the same visit as an entity, within half an hour of it, by the newest people of the entity.
SELECT entity_id, uniqExact(person) AS people
FROM
(
    SELECT person, did.1 AS entity_id, did.2 AS at, seen
    FROM
    (
        SELECT
            {{ person }} AS person,
            groupUniqArrayIf(toUnixTimestamp(timestamp), entity_id = {entity_id:String}) AS seen,
            groupUniqArrayIf((toString(entity_id), toUnixTimestamp(timestamp)), entity_id != {entity_id:String}) AS dids
        FROM actions
        WHERE project_id = {project:UUID}
          AND identity IN
          (
              SELECT identity
              FROM entity_people
              WHERE project_id = {project:UUID} AND entity_type = {entity_type:String} AND entity_id = {entity_id:String}
              GROUP BY identity
              ORDER BY max(last_at) DESC, identity
              LIMIT {people:UInt32}
          )
          AND timestamp >= {since:DateTime64(3,'UTC')}
          AND timestamp < {end:DateTime64(3,'UTC')}
          AND entity_type = {entity_type:String}
          AND entity_id != ''
          AND name IN {names:Array(String)}
          AND actions > 0
          AND {{ counts }}
        GROUP BY person
    )
    ARRAY JOIN dids AS did
)
WHERE arrayExists(one -> abs(one - at) <= 1800, seen)
GROUP BY entity_id
ORDER BY people DESC, entity_id
LIMIT {most:UInt32}
