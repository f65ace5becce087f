-- A page of customers (people with a user id, or with an order or booking), sorted, and the total number of customers.
SELECT
    {{ person }} AS person,
{% for name, how in columns %}
    {{ how }}(_{{ name }}) AS {{ name }},
{% endfor %}
    {{ key }} AS key,
    count() OVER () AS customers
FROM
(
{% for table, row in parts %}
    SELECT identity, {{ row | join(", ") }}
    FROM {{ table }}
{% if not loop.last %}
    UNION ALL
{% endif %}
{% endfor %}
)
GROUP BY person
HAVING 1
{% if within %}
   AND sessions + orders + bookings > 0
{% endif %}
{% if search %}
   AND person IN
   (
       SELECT {{ person }} FROM customers FINAL WHERE project_id = {project:UUID} AND (
           positionCaseInsensitiveUTF8(user_id, {search:String}) > 0
           OR positionCaseInsensitiveUTF8(shown.2, {search:String}) > 0
           OR positionCaseInsensitiveUTF8(finalizeAggregation(known_as), {search:String}) > 0
           OR shown.1 = {search:String})
       UNION ALL
       SELECT {{ person }} FROM orders FINAL WHERE project_id = {project:UUID} AND order_id = {search:String} AND NOT gone
   )
{% endif %}
{% if condition %}
   AND {{ condition }}
{% endif %}
ORDER BY key {{ direction }} NULLS LAST, person
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
