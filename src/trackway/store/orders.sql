{% from "store/lists.sql" import listed %}

{% macro restate() %}
INSERT INTO order_totals
SELECT * FROM order_totals_now WHERE project_id = {project:UUID} AND identity IN {{ listed("token") }}
{% endmacro %}

{% macro restate_all() %}
INSERT INTO order_totals SELECT * FROM order_totals_now WHERE project_id = {project:UUID}
{% endmacro %}

{% macro totals(table) -%}
SELECT
    identity, orders, bookings, value, last_order, last_order_id, last_amount, last_booking, refunded_orders,
    arraySort(arrayFilter(pair -> pair.2 != 0, arrayZip(mapKeys(paid), mapValues(paid)))) AS amounts
FROM {{ table }}
WHERE project_id = {project:UUID}
{%- endmacro %}

{# The identities whose stored totals differ from those that their orders give now. #}
{% macro wrong_totals() %}
SELECT uniqExact(identity) AS n
FROM
(
    ({{ totals("order_totals FINAL") }} EXCEPT DISTINCT {{ totals("order_totals_now") }})
    UNION ALL
    ({{ totals("order_totals_now") }} EXCEPT DISTINCT {{ totals("order_totals FINAL") }})
)
{% endmacro %}

{% macro own_currency() %}
SELECT currency
FROM rates FINAL
WHERE project_id = {project:UUID} AND day = toDate('1970-01-01') AND rate = 1
{% endmacro %}
