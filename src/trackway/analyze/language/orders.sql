{# Orders and bookings each beside the event that it is counted by, so that columns of events can be asked for: when it
   counts (`ordered_at`), `paid` in its own currency (`paid_in`) and `worth` in the project's, less refunds. `within` is a
   condition on `at`, and `since` no later than its start. #}
{% set in_period = "at >= {start:DateTime64(3,'UTC')} AND at < {end:DateTime64(3,'UTC')}" %}
{% macro told(names, since="{start:DateTime64(3,'UTC')}", within=in_period) %}
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
{# Orders and bookings of which `within` (a condition on `at`) is true, and that come to something. #}
{% macro valued(within=in_period) %}
(SELECT * FROM orders_valued WHERE project_id = {project:UUID} AND has_money AND {{ within }})
{% endmacro %}
{# Amounts without a currency are of the project's own. #}
{% macro worth() %}if(currency IN ('', {currency:String}), paid, value){% endmacro %}
