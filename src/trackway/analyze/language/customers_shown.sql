-- The profiles of these people, from their events and sessions.
SELECT
    {{ person }} AS person,
    max((c.last_seen, c.shown)).2.1 AS visitor_id,
    max((c.last_seen, c.shown)).2.2 AS visitor_name,
    -- An id from a shop (`stripe:…`, `guest:…`) is used only if there is no other user id.
    argMax(c.user_id, (c.user_id != '', NOT match(c.user_id, '^(stripe|guest):'), c.last_seen, c.user_id)) AS user_id,
    argMaxIfMerge(c.known_as) AS known_as,
    nullIf(min(c.registered_at), toDateTime64('2299-01-01 00:00:00', 3, 'UTC')) AS registered,
    nullIf(max(c.signed_in_at), toDateTime64(0, 3, 'UTC')) AS last_login,
    min(c.first_seen) AS first_seen,
    max(c.last_seen) AS last_seen,
    sum(c.reviews) AS reviews,
    sum(c.sessions) AS all_sessions,
    sum(c.duration_ms) / 1000 AS duration_s,
{% for column, by_value in (("device", "devices"), ("browser", "browsers"), ("system", "systems"), ("country", "countries")) %}
    tupleElement(arraySort(x -> (x.1 = '', -x.2, x.1), arrayZip(mapKeys(sumMap(c.{{ by_value }})), mapValues(sumMap(c.{{ by_value }}))))[1], 1) AS {{ column }}{{ "," if not loop.last }}
{% endfor %}
FROM customers AS c FINAL
WHERE project_id = {project:UUID}
  AND identity IN {identities:Array(UInt64)}
  AND {{ counts }}
GROUP BY person
