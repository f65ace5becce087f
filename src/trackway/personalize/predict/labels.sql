-- What people did from `since` until `until`, as it is known now: 1 for each person who was active or did an event, or
-- the value of their orders, less refunds, in the project's currency. People who are not listed have 0.
{% from "personalize/predict/rows.sql" import acts %}
{% from "language/orders.sql" import valued, worth %}
{% set within = "at >= {since:DateTime64(3,'UTC')} AND at < {until:DateTime64(3,'UTC')}" %}
{% if kind == "value" %}
SELECT {{ person }} AS person, toFloat64(sum({{ worth() }})) AS label
FROM {{ valued(within) }}
GROUP BY person
ORDER BY person
{% else %}
SELECT DISTINCT person, 1. AS label
FROM
(
    SELECT {{ person }} AS person
    FROM events
    WHERE project_id = {project:UUID}
      AND timestamp >= {since:DateTime64(3,'UTC')}
      AND timestamp < {until:DateTime64(3,'UTC')}
      AND {{ counts }}
      AND {{ acts if kind == "churn" else "name IN {names:Array(String)}" }}
    UNION ALL
    SELECT {{ person }} AS person
    FROM {{ valued(within) }}
    WHERE counts {{ "AND kind IN {kinds:Array(String)}" if kind == "propensity" }}
)
ORDER BY person
{% endif %}
