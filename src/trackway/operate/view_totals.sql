{# A page of entities with their totals of counted views, in the order of type and id. An entity that only bots viewed
   has totals of zero. #}
{% macro totals() %}
SELECT
    entity_type,
    entity_id,
    sumIf(c.views, human) AS views,
    uniqExactMergeIf(c.sessions, human) AS sessions,
    uniqExactMergeIf(c.viewers, human) AS viewers,
    sumIf(c.anonymous, human) AS anonymous,
    toUnixTimestamp64Milli(maxIf(c.last_viewed, human)) AS last_viewed
FROM
(
    SELECT *, bot IN {bots:Array(String)} AS human
    FROM view_counts
    WHERE project_id = {project:UUID} AND (entity_type, entity_id) > ({type:String}, {id:String})
) AS c
GROUP BY entity_type, entity_id
ORDER BY entity_type, entity_id
LIMIT {limit:UInt32}
{% endmacro %}
