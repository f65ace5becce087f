-- Steps of all paths, from node to node, each page or event as a hash of its name. `behind` 0 is the end of the path.
SELECT step, here, behind, count() AS ways
FROM
(
    SELECT
        arrayCompact(arrayMap(node -> toUInt64(node), arraySort(groupArray(
            bitShiftLeft(toUInt128(toUnixTimestamp64Milli(timestamp)), 64) + toUInt128({{ node_hash }})
        )))) AS walked,
{% if backwards %}
        arrayReverse(walked) AS way,
{% else %}
        walked AS way,
{% endif %}
{% if anchored %}
        indexOf(way, {anchor:UInt64}) AS anchor_position,
        if(anchor_position = 0, [], arraySlice(way, anchor_position, {steps:UInt32})) AS nodes
{% else %}
        arraySlice(way, 1, {steps:UInt32}) AS nodes
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
    nodes AS here,
    arrayPushBack(arrayPopFront(nodes), toUInt64(0)) AS behind
GROUP BY step, here, behind
