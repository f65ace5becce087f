{# The tables with rows, with their columns, and the columns of the tables of all shards that are above them. #}
{% macro tables() %}
SELECT
    tables.name AS name,
    groupArrayIf((c.position, c.name, c.type), c.database = currentDatabase()) AS columns,
    groupArrayIf((c.position, c.name, c.type), c.database = {above:String}) AS columns_above
FROM system.tables AS tables
INNER JOIN
(
    SELECT database, table, position, name, type
    FROM system.columns
    WHERE database IN (currentDatabase(), {above:String})
    ORDER BY database, table, position
) AS c ON c.table = tables.name
WHERE tables.database = currentDatabase() AND (tables.engine LIKE '%MergeTree' OR tables.engine = 'Join')
GROUP BY name
ORDER BY name
{% endmacro %}

{# The number of servers of each shard of a cluster, and how many macros there are that replicas need. #}
{% macro listed() %}
SELECT
    groupArray(servers) AS replicas,
    (SELECT count() FROM system.macros WHERE macro IN ('shard', 'replica')) AS macros
FROM (SELECT shard_num, count() AS servers FROM system.clusters WHERE cluster = {cluster:String} GROUP BY shard_num)
{% endmacro %}
