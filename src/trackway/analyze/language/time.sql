{# Intervals of a time zone's calendar. `bucket` is the start of an interval, in seconds since 1970; `ordinal` is its
   number: days since 1970-01-01, weeks since Monday 1969-12-29, months since 1970-01, hours since 1970. #}
{% macro bucket(at, interval) %}
toUnixTimestamp({% if interval == "hour" %}toStartOfHour({{ at }}, {timezone:String}){% elif interval == "day" %}toStartOfDay({{ at }}, {timezone:String}){% elif interval == "week" %}toDateTime(toMonday({{ at }}, {timezone:String}), {timezone:String}){% else %}toDateTime(toStartOfMonth({{ at }}, {timezone:String}), {timezone:String}){% endif %})
{%- endmacro %}
{% macro ordinal(at, interval) %}
{% if interval == "hour" %}intDiv(toUnixTimestamp({{ at }}), 3600){% elif interval == "day" %}toInt32(toDate({{ at }}, {timezone:String})){% elif interval == "week" %}intDiv(toInt32(toDate({{ at }}, {timezone:String})) + 3, 7){% else %}toInt32(toYear({{ at }}, {timezone:String}) * 12 + toMonth({{ at }}, {timezone:String}) - 23641){% endif %}
{%- endmacro %}
