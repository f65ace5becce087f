-- What became of some suggestions to persons: each kind of event about each of them, with the last time and the number.
-- Those that say that a suggestion was shown count since a time only.
SELECT person, max(at) AS at, name, {of:String} AS entity_type, entity_id, toUInt32(sum(times)) AS times, 0 AS lasted_s
FROM
(
    SELECT {{ person }} AS person, timestamp AS at, name, entity_id, sum(actions) AS times
    FROM actions
    WHERE project_id = {project:UUID}
      AND identity IN {identities:Array(UInt64)}
      AND timestamp < {end:DateTime64(3,'UTC')}
      AND entity_type = {of:String} AND entity_id IN {suggestions:Array(String)} AND name IN {names:Array(String)}
      AND (timestamp >= {since:DateTime64(3,'UTC')} OR name != {shown:String})
      AND {{ counts }}
    GROUP BY person, at, name, entity_id
    HAVING times > 0
)
GROUP BY person, name, entity_id
