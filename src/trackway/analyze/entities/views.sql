-- Counted views of a period, by one dimension, from the hourly counters.
SELECT {{ "if(anon, 'anonymous', 'signed in')" if signed_in else by }} AS value, sum(n) AS views, sum(a) AS anonymous
FROM
(
{% if signed_in %}
    SELECT arrayJoin([true, false]) AS anon, if(anon, v.anonymous, toUInt64(v.views - v.anonymous)) AS n, if(anon, v.anonymous, toUInt64(0)) AS a
{% else %}
    SELECT *, v.views AS n, v.anonymous AS a
{% endif %}
    FROM view_hours AS v
    WHERE project_id = {project:UUID}
      AND hour >= {start:DateTime64(3,'UTC')}
      AND hour < {end:DateTime64(3,'UTC')}
      AND {{ counts }}
{% if of_type %}
      AND entity_type = {entity_type:String}
{% endif %}
{% if of_entity %}
      AND entity_id = {entity_id:String}
{% endif %}
)
GROUP BY value
HAVING views > 0
ORDER BY {{ "value" if of_time else "views DESC, value" }}
LIMIT {limit:UInt32}
