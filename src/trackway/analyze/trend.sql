-- One metric by hour, day, week or month of the project's time zone.
{% set bucket %}toUnixTimestamp({% if interval == "hour" %}toStartOfHour({{ at }}, {timezone:String}){% elif interval == "day" %}toStartOfDay({{ at }}, {timezone:String}){% elif interval == "week" %}toDateTime(toMonday({{ at }}, {timezone:String}), {timezone:String}){% else %}toDateTime(toStartOfMonth({{ at }}, {timezone:String}), {timezone:String}){% endif %}){% endset %}
SELECT
    {{ bucket }} AS at,
    toInt64({{ metric }}) AS value
FROM {{ source }}
WHERE project_id = {project:UUID}
  AND {{ at }} >= {start:DateTime64(3,'UTC')}
  AND {{ at }} < {end:DateTime64(3,'UTC')}
  {{ conditions }}
GROUP BY at
ORDER BY at
