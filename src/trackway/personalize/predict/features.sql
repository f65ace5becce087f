-- The people who did something within a year before a time, and what was known of each then. A row of `known` is an
-- event, or what an event says of an order; an order counts once, however many events complete it.
{% from "personalize/predict/rows.sql" import acts, order_id, of_orders %}
SELECT
    person,
{% for sql in features %}
    toFloat32(ifNull({{ sql }}, nan)) AS f{{ loop.index0 }}{{ "," if not loop.last }}
{% endfor %}
FROM
(
    SELECT
        {{ person }} AS person,
        dateDiff('second', timestamp, {cutoff:DateTime64(3,'UTC')}) / 86400 AS age,
        toDate(timestamp, {timezone:String}) AS day,
        {{ acts }} AS acts,
        acts AS active,
        session_id != toUUID('00000000-0000-0000-0000-000000000000') AS of_session,
        user_id != '' AS named,
        toString(name) AS name, session_id, toString(channel) AS channel, toString(device) AS device,
        toString(entity_type) AS entity_type, entity_id,
        '' AS order_id, false AS ordered, false AS refunded, 0. AS revenue
    FROM events
    WHERE project_id = {project:UUID} AND {{ known }} AND {{ counts }}
    UNION ALL
    SELECT
        {{ person }} AS person,
        dateDiff('second', timestamp, {cutoff:DateTime64(3,'UTC')}) / 86400 AS age,
        toDate(timestamp, {timezone:String}) AS day,
        false AS acts,
        ordered AS active,
        false AS of_session,
        user_id != '' AS named,
        '' AS name, session_id, '' AS channel, '' AS device, '' AS entity_type, '' AS entity_id,
        {{ order_id }} AS order_id,
        NOT refunded AS ordered,
        endsWith(lower(e.name), 'refunded') AS refunded,
        if(e.currency IN ('', {currency:String}), toFloat64(e.revenue), 0.) AS revenue
    FROM (SELECT * FROM events WHERE project_id = {project:UUID} AND {{ of_orders }} AND {{ known }}) AS e
)
WHERE intHash64(person) % {every:UInt64} = 0 AND NOT has({left_out:Array(UInt64)}, person)
GROUP BY person
HAVING minIf(age, active) < 365 AND countIf(active) > 0
ORDER BY person
