{# The newest track events of the last days, at most so many of each name. #}
{% macro stored(days, sample) %}
SELECT name, toJSONString(properties) AS properties
FROM events
WHERE type = 'track' AND timestamp > now() - INTERVAL {{ days }} DAY
ORDER BY name, timestamp DESC
LIMIT {{ sample }} BY name
{% endmacro %}
