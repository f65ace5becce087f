{# The tables with rows, with their columns, and the columns of the tables of all shards that are above them. #}
{% macro tables() %}
SELECT
    tables.name AS name,
    arraySort(groupArrayIf((c.position, c.name, c.type), c.database = currentDatabase())) AS columns,
    arraySort(groupArrayIf((c.position, c.name, c.type), c.database = {above:String})) AS columns_above
FROM system.tables AS tables
INNER JOIN system.columns AS c ON c.table = tables.name
WHERE tables.database = currentDatabase()
  AND (tables.engine LIKE '%MergeTree' OR tables.engine = 'Join')
  AND c.database IN (currentDatabase(), {above:String})
GROUP BY name
ORDER BY name
{% endmacro %}

{# The tables and views of all shards, with their engines. #}
{% macro above() %}
SELECT name, if(engine_full = '', engine, engine_full) AS engine FROM system.tables WHERE database = {above:String}
{% endmacro %}

{# The number of the shard that a server is in its own list of a cluster, and whether all shards get as many rows. #}
{% macro place() %}
SELECT sumIf(shard_num, is_local) AS number, countIf(is_local) AS own, min(shard_weight) = max(shard_weight) AS alike
FROM system.clusters
WHERE cluster = {cluster:String}
{% endmacro %}

{# The rows that are on another shard than the one to which an insert from above would bring them. #}
{% macro misplaced(table, key) %}
SELECT count() AS n FROM {{ table }} WHERE {{ key }} % {shards:UInt64} != _shard_num - 1
{% endmacro %}

{# A server's own list of a cluster, what tells it from other servers, and how many macros there are that replicas need. #}
{% macro listed() %}
SELECT
    toString((serverUUID(), arraySort(groupArrayIf((shard_num, replica_num), is_local)))) AS id,
    arraySort(groupArray((shard_num, replica_num, host_name, port))) AS members,
    (SELECT count() FROM system.macros WHERE macro IN ('shard', 'replica')) AS macros
FROM system.clusters
WHERE cluster = {cluster:String}
{% endmacro %}
