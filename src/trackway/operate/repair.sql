{# Requests that were refused at arrival, from a moment on. #}
{% macro forget_refused(table) %}
ALTER TABLE {{ table }} DELETE
WHERE received_at >= fromUnixTimestamp64Milli({at:Int64})
SETTINGS mutations_sync = 1
{% endmacro %}

{# Messages that are stored or dead letters, with the day of their arrival. #}
{% macro stored_ids() %}
SELECT project_id, message_id, intDiv(toUnixTimestamp64Milli(received_at), 86400000) AS day
FROM events
WHERE received_at >= fromUnixTimestamp64Milli({since:Int64})
UNION ALL
SELECT project_id, message_id, intDiv(toUnixTimestamp64Milli(received_at), 86400000) AS day
FROM dead_letters FINAL
WHERE received_at >= fromUnixTimestamp64Milli({since:Int64})
{% endmacro %}
