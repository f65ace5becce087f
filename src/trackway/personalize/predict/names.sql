-- The events and the channels of most people, as they were known at a time.
{% from "personalize/predict/rows.sql" import acts %}
{% for kind, column, condition in (("name", "name", acts), ("channel", "channel", "channel != ''")) %}
(
    SELECT '{{ kind }}' AS kind, toString({{ column }}) AS value
    FROM events
    WHERE project_id = {project:UUID} AND {{ known }} AND {{ counts }} AND {{ condition }}
    GROUP BY value
    ORDER BY uniq(identity) DESC, value
    LIMIT {{ "{names:UInt32}" if kind == "name" else "{channels:UInt32}" }}
)
{{ "UNION ALL" if not loop.last }}
{% endfor %}
