{# Sessions of a project by id or by a client's name, the newest first.
   by: `id`, `family` (the end of a session id, which several users' sessions share) or `name` (hashed with each visitor
   by the engine, as the visitor is unknown). #}
{% macro session(by, bounded, of_visitor) %}
SELECT
    session_id,
    visitor_id,
    user_id,
    hinted,
    closed,
    toUnixTimestamp64Milli(started_at) AS started,
    toUnixTimestamp64Milli(ended_at) AS ended
FROM sessions FINAL
WHERE project_id = {project:UUID}
{% if by == "id" %}
  AND session_id = {session:UUID}
{% elif by == "family" %}
  AND hex(substring(UUIDToNum(session_id), 10)) = upper({family:String})
{% else %}
  AND hinted
  AND started_at >= fromUnixTimestamp64Milli({since:Int64})
  AND right(hex(xxh3_128(concat(unhex({key:String}), visitor_id, char(0), {name:String}))), 14)
    = hex(substring(UUIDToNum(session_id), 10))
{% endif %}
{% if bounded %}
  AND started_at BETWEEN fromUnixTimestamp64Milli({since:Int64}) AND fromUnixTimestamp64Milli({until:Int64})
{% endif %}
{% if of_visitor %}
  AND visitor_id = {visitor:String}
{% endif %}
ORDER BY ended DESC
LIMIT 100
{% endmacro %}

{# Later sessions of the same visitor that another known user began. #}
{% macro taken_over() %}
SELECT count() AS n
FROM sessions FINAL
WHERE project_id = {project:UUID}
  AND visitor_id = {visitor:String}
  AND started_at >= fromUnixTimestamp64Milli({ended:Int64})
  AND user_id NOT IN ('', {user:String})
{% endmacro %}

{% macro owners() %}
SELECT order_id, argMax(user_id, version) AS user_id, argMax(visitor_id, version) AS visitor_id
FROM orders
WHERE project_id = {project:UUID} AND kind = {kind:String} AND order_id IN {ids:Array(String)} AND NOT gone
GROUP BY order_id
{% endmacro %}

{% macro has_view() %}
SELECT count() AS n
FROM events
WHERE project_id = {project:UUID}
  AND name = 'view'
  AND message_id = {message:String}
  AND timestamp = fromUnixTimestamp64Milli({at:Int64})
{% endmacro %}
