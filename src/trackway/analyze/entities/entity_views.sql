-- Counted views of some entities over all time, by primary key.
SELECT
    v.entity_id AS entity_id,
    v.views AS views,
    v.anonymous AS anonymous,
    v.sessions AS sessions,
    v.viewers AS viewers,
    v.last_viewed AS last_viewed,
    v.entity_id IN (
        SELECT entity_id FROM entities FINAL
        WHERE project_id = {project:UUID} AND entity_type = {entity_type:String} AND entity_id IN {ids:Array(String)}
          AND hidden AND NOT deleted
    ) AS hidden
FROM
(
    SELECT
        c.entity_id AS entity_id,
        sum(c.views) AS views,
        sum(c.anonymous) AS anonymous,
        uniqExactMerge(c.sessions) AS sessions,
        uniqExactMerge(c.viewers) AS viewers,
        max(c.last_viewed) AS last_viewed
    FROM view_counts AS c
    WHERE project_id = {project:UUID} AND entity_type = {entity_type:String} AND entity_id IN {ids:Array(String)}
      AND {{ counts }}
    GROUP BY entity_id
) AS v
