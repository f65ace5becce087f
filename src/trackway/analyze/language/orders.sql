{# Orders and bookings, each joined with the event that reported it, so that columns of events can be used: the time at
   which it counts (`ordered_at`), `paid` in its own currency (`paid_in`) and `worth` in the project's currency, both
   less refunds. `within` is a condition on `at`; `since` is not later than the earliest `at` that meets it. #}
{% set in_period = "at >= {start:DateTime64(3,'UTC')} AND at < {end:DateTime64(3,'UTC')}" %}
{% macro orders_with_events(names, since="{start:DateTime64(3,'UTC')}", within=in_period) %}
(
    SELECT e.*, o.kind AS kind, o.counts AS counts, o.at AS ordered_at, o.paid_in AS paid_in, o.paid AS paid, o.worth AS worth
    FROM
    (
        SELECT * FROM events
        WHERE project_id = {project:UUID} AND {{ names }} AND timestamp >= {{ since }}
    ) AS e
    INNER JOIN
    (
        SELECT told_by, kind, counts, at, toString(currency) AS paid_in, paid, {{ worth() }} AS worth
        FROM {{ valued(within) }}
    ) AS o ON e.event_id = o.told_by
)
{% endmacro %}
{# Orders and bookings for which `within` (a condition on `at`) holds and that have an amount. #}
{% macro valued(within=in_period) %}
(SELECT * FROM orders_valued WHERE project_id = {project:UUID} AND has_money AND {{ within }})
{% endmacro %}
{# Amounts without a currency are in the project's currency. #}
{% macro worth() %}if(currency IN ('', {currency:String}), paid, value){% endmacro %}
