-- Daily metrics of entities of a type, from the hourly counters.
SELECT
    toString(d.day) AS day,
    d.entity_id AS id{{ "," if columns or running }}
{% for name in columns %}
    d.{{ name }} AS {{ name }}{{ "," if not loop.last or running }}
{% endfor %}
{% for name in running %}
    r.{{ name }} AS {{ name }}{{ "," if not loop.last }}
{% endfor %}
FROM
(
    SELECT
        toDate(hour, {timezone:String}) AS day,
        entity_id{{ "," if columns }}
{% for name, text in columns.items() %}
        {{ text }} AS {{ name }}{{ "," if not loop.last }}
{% endfor %}
    FROM interaction_hours
    WHERE project_id = {project:UUID}
      AND entity_type = {entity_type:String}
      AND hour >= {start:DateTime64(3,'UTC')}
      AND hour < {end:DateTime64(3,'UTC')}
      AND {{ counts }}
{% if some %}
      AND entity_id IN {ids:Array(String)}
{% endif %}
    GROUP BY day, entity_id
) AS d
{% if running %}
ASOF LEFT JOIN
(
    SELECT
        entity_id, day,
{% for name in running %}
        sum({{ name }}_change) OVER (PARTITION BY entity_id ORDER BY day) AS {{ name }}{{ "," if not loop.last }}
{% endfor %}
    FROM
    (
        SELECT
            entity_id, toDate(hour, {timezone:String}) AS day,
{% for name, (plus, minus) in running.items() %}
            toInt64(sumIf(events, name IN {{ plus }})) - toInt64(sumIf(events, name IN {{ minus }})) AS {{ name }}_change{{ "," if not loop.last }}
{% endfor %}
        FROM interaction_hours
        WHERE project_id = {project:UUID}
          AND entity_type = {entity_type:String}
          AND hour < {end:DateTime64(3,'UTC')}
          AND {{ counts }}
{% if some %}
          AND entity_id IN {ids:Array(String)}
{% endif %}
        GROUP BY entity_id, day
    )
) AS r ON d.entity_id = r.entity_id AND d.day >= r.day
{% endif %}
ORDER BY day, id
