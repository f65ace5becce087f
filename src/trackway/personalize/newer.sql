-- Entities of a type that the register has since a time, with the time when an event named them first (2299: none did).
SELECT e.entity_id AS entity_id, e.parents AS parents, e.attributes AS attributes, e.added_at AS added_at,
    if(s.first = toDateTime64(0, 3, 'UTC'), toDateTime64('2299-01-01 00:00:00', 3, 'UTC'), s.first) AS first_seen
FROM
(
    SELECT entity_id, parents, attributes, added_at FROM entities FINAL
    WHERE project_id = {project:UUID} AND entity_type = {entity_type:String} AND NOT deleted AND NOT hidden
      AND added_at >= {since:DateTime64(3,'UTC')}
    ORDER BY added_at DESC, entity_id
    LIMIT 10000
) AS e
LEFT JOIN
(
    SELECT entity_id, min(first_seen) AS first FROM entities_seen
    WHERE project_id = {project:UUID} AND entity_type = {entity_type:String}
    GROUP BY entity_id
) AS s USING (entity_id)
