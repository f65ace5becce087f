-- Entities that are registered or occur in events, with their counted views; the most viewed first.
SELECT
    e.entity_type AS entity_type,
    e.entity_id AS entity_id,
    max(e.name) AS name,
    max(e.owners) AS owners,
    max(e.parents) AS parents,
    max(e.registered) AS registered,
    max(e.hidden) AS hidden,
    min(e.first_seen) AS first_seen,
    max(e.last_seen) AS last_seen,
    sum(e.views) AS views
FROM
(
    SELECT
        entity_type, entity_id, name, owners, parents, 1 AS registered, hidden,
        toDateTime64('2299-01-01', 3, 'UTC') AS first_seen, toDateTime64(0, 3, 'UTC') AS last_seen, toUInt64(0) AS views
    FROM entities FINAL
    WHERE project_id = {project:UUID} AND NOT deleted {{ within }}
    UNION ALL
    SELECT
        s.entity_type AS entity_type, s.entity_id AS entity_id, '' AS name, [] AS owners, [] AS parents,
        0 AS registered, false AS hidden, min(s.first_seen) AS first_seen, max(s.last_seen) AS last_seen,
        toUInt64(0) AS views
    FROM entities_seen AS s
    WHERE project_id = {project:UUID} {{ within }}
    GROUP BY entity_type, entity_id
    UNION ALL
    SELECT
        v.entity_type AS entity_type, v.entity_id AS entity_id, '' AS name, [] AS owners, [] AS parents,
        0 AS registered, false AS hidden, toDateTime64('2299-01-01', 3, 'UTC') AS first_seen,
        toDateTime64(0, 3, 'UTC') AS last_seen, sum(v.views) AS views
    FROM view_counts AS v
    WHERE project_id = {project:UUID} AND {{ counts }} {{ within }}
    GROUP BY entity_type, entity_id
) AS e
GROUP BY entity_type, entity_id
{% if search %}
HAVING positionCaseInsensitiveUTF8(name, {search:String}) > 0 OR entity_id = {search:String}
{% endif %}
ORDER BY views DESC, entity_type, entity_id
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
