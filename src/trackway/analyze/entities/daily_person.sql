-- Daily metrics of people, from the hourly counters, and from sessions by their start.
SELECT
    toString(d.day) AS day,
    toString(d.person) AS id{{ "," if columns or sessions }}
{% for name in columns %}
    sum(d.{{ name }}) AS {{ name }}{{ "," if not loop.last or sessions }}
{% endfor %}
{% for name, what in sessions.items() %}
    {{ {"count": "toInt64(sum(d.session_count))", "time": "sum(d.session_time)", "average": "if(sum(d.session_count) = 0, 0, sum(d.session_time) / sum(d.session_count))"}[what] }} AS {{ name }}{{ "," if not loop.last }}
{% endfor %}
FROM
(
    SELECT
        toDate(hour, {timezone:String}) AS day,
        {{ person }} AS person,
{% for name, text in columns.items() %}
        {{ text }} AS {{ name }},
{% endfor %}
        toInt64(0) AS session_count,
        toFloat64(0) AS session_time
    FROM person_hours
    WHERE project_id = {project:UUID}
      AND hour >= {start:DateTime64(3,'UTC')}
      AND hour < {end:DateTime64(3,'UTC')}
      AND {{ counts }}
    GROUP BY day, person
    UNION ALL
    SELECT
        toDate(started_at, {timezone:String}) AS day,
        {{ person }} AS person,
{% for name in columns %}
        0 AS {{ name }},
{% endfor %}
        toInt64(count()) AS session_count,
        sum(dateDiff('millisecond', started_at, ended_at)) / 1000 AS session_time
    FROM sessions FINAL
    WHERE project_id = {project:UUID}
      AND started_at >= {start:DateTime64(3,'UTC')}
      AND started_at < {end:DateTime64(3,'UTC')}
      AND {{ counts }}
    GROUP BY day, person
) AS d
{% if some %}
WHERE toString(d.person) IN {ids:Array(String)}
{% endif %}
GROUP BY day, id
ORDER BY day, id
