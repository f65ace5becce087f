{# The subqueries of filters. Each selects the sessions, visitors or people of a project for which a condition holds;
   `person` is the SQL of a row's person. #}

{# Sessions that can contain an event of the period: a session lasts at most 7 days. #}
{% macro sessions_where(condition) %}
SELECT session_id FROM sessions FINAL
WHERE project_id = {project:UUID}
  AND started_at >= {start:DateTime64(3,'UTC')} - INTERVAL 7 DAY
  AND started_at < {end:DateTime64(3,'UTC')}
  AND {{ condition }}
{% endmacro %}

{# Sessions with an event. They start in the period, and their events are up to 7 days later. #}
{% macro sessions_with_event(condition) %}
SELECT session_id FROM events
WHERE project_id = {project:UUID}
  AND timestamp >= {start:DateTime64(3,'UTC')}
  AND timestamp < {end:DateTime64(3,'UTC')} + INTERVAL 7 DAY
  AND {{ condition }}
{% endmacro %}

{% macro visitors_where(condition) %}
SELECT visitor_id FROM visitors WHERE project_id = {project:UUID} GROUP BY visitor_id HAVING {{ condition }}
{% endmacro %}

{# People with a session. #}
{% macro people_with_session(person, condition) %}
SELECT {{ person }} FROM sessions FINAL WHERE project_id = {project:UUID} AND {{ condition }}
{% endmacro %}

{# People with a session person_number `value` (a device, browser, system or country) meets a condition, by the numbers of
   sessions with each value that `customers` has in the column `counts`. #}
{% macro people_by_session_counts(person, counts, condition) %}
SELECT person_number FROM
(
    SELECT
        {{ person }} AS person_number,
        sum(arraySum((value, n) -> if({{ condition }}, n, 0), mapKeys({{ counts }}), mapValues({{ counts }}))) AS times
    FROM customers
    WHERE project_id = {project:UUID}
    GROUP BY person_number
)
WHERE times > 0
{% endmacro %}

{# People with a session or an order: who ordered without ever visiting has no session. #}
{% macro customers_where(person, condition) %}
SELECT {{ person }} FROM customers WHERE project_id = {project:UUID} AND {{ condition }}
{% endmacro %}

{# People by a value (`whole`) that aggregates their sessions. #}
{% macro people_by_sessions(person, aggregate, condition) %}
SELECT person_number FROM
(
    SELECT {{ person }} AS person_number, {{ aggregate }} AS whole
    FROM sessions FINAL
    WHERE project_id = {project:UUID}
    GROUP BY person_number
)
WHERE {{ condition }}
{% endmacro %}

{# People by a value (`whole`) that aggregates their rows of a table with data about customers. #}
{% macro people_by_customer_rows(person, rows, aggregate, condition) %}
SELECT person_number FROM
(
    SELECT {{ person }} AS person_number, {{ aggregate }} AS whole
    FROM {{ rows }}
    GROUP BY person_number
)
WHERE {{ condition }}
{% endmacro %}

{# People by the newest value of a trait. #}
{% macro people_by_trait(person, newest, condition) %}
SELECT person_number FROM
(
    SELECT {{ person }} AS person_number, {{ newest }} AS trait
    FROM events
    WHERE project_id = {project:UUID} AND name = 'identify'
    GROUP BY person_number
)
WHERE {{ condition }}
{% endmacro %}

{# People by the number of times that they did something (`event` is bound), at any time or in the last `days`. #}
{% macro people_by_times(person, event, days, condition, compare, times) %}
SELECT {{ person }} AS person_number FROM events
WHERE project_id = {project:UUID}
  AND name = {{ event }}
{% if days %}
  AND timestamp >= {end:DateTime64(3,'UTC')} - INTERVAL {{ days }} DAY
  AND timestamp < {end:DateTime64(3,'UTC')}
{% endif %}
{% if condition %}
  AND {{ condition }}
{% endif %}
GROUP BY person_number
HAVING count() {{ compare }} {{ times }}
{% endmacro %}

{% macro people_of_cohort(person, cohort) %}
SELECT {{ person }} FROM cohort_members WHERE project_id = {project:UUID} AND cohort_id = {{ cohort }}
{% endmacro %}
