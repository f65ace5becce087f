-- What is known of these people as customers, from their events and sessions.
SELECT
    {{ person }} AS person,
    anyLast(visitor_id) AS visitor_id,
    anyLast(visitor_name) AS visitor_name,
    max(user_id) AS user_id,
    argMaxIfMerge(known_as) AS known_as,
    nullIf(min(registered_at), toDateTime64('2299-01-01 00:00:00', 3, 'UTC')) AS registered,
    nullIf(max(signed_in_at), toDateTime64(0, 3, 'UTC')) AS last_login,
    min(first_seen) AS first_seen,
    max(last_seen) AS last_seen,
    sum(reviews) AS reviews,
    sum(sessions) AS all_sessions,
    sum(duration_ms) / 1000 AS duration_s,
{% for one, many in (("device", "devices"), ("browser", "browsers"), ("system", "systems"), ("country", "countries")) %}
    tupleElement(arraySort(x -> (x.1 = '', -x.2, x.1), arrayZip(mapKeys(sumMap({{ many }})), mapValues(sumMap({{ many }}))))[1], 1) AS {{ one }}{{ "," if not loop.last }}
{% endfor %}
FROM customers
WHERE project_id = {project:UUID}
  AND {{ person }} IN {persons:Array(UInt64)}
  AND {{ counts }}
GROUP BY person
