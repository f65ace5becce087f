-- Steps of all paths, from node to node, each page or event as a hash of its name. `next_node` 0 is the end of the path.
SELECT step, node, next_node, count() AS path_count
FROM
(
    SELECT
        arrayCompact(arrayMap(node -> toUInt64(node), arraySort(groupArray(
            bitShiftLeft(toUInt128(toUnixTimestamp64Milli(timestamp)), 64) + toUInt128({{ node_hash }})
        )))) AS visited,
{% if backwards %}
        arrayReverse(visited) AS ordered,
{% else %}
        visited AS ordered,
{% endif %}
{% if anchored %}
        indexOf(ordered, {anchor:UInt64}) AS anchor_position,
        if(anchor_position = 0, [], arraySlice(ordered, anchor_position, {steps:UInt32})) AS nodes
{% else %}
        arraySlice(ordered, 1, {steps:UInt32}) AS nodes
{% endif %}
    FROM events
    WHERE project_id = {project:UUID}
      AND timestamp >= {start:DateTime64(3,'UTC')}
      AND timestamp < {end:DateTime64(3,'UTC')}
      AND {{ included }}
      {{ event_filter }}
    GROUP BY {{ unit }}
    HAVING notEmpty(nodes)
)
ARRAY JOIN
    arrayEnumerate(nodes) AS step,
    nodes AS node,
    arrayPushBack(arrayPopFront(nodes), toUInt64(0)) AS next_node
GROUP BY step, node, next_node
