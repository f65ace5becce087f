{# The letters that a caller asks for; an empty value selects all. #}
{% macro selected() -%}
({project:UUID} = toUUID('00000000-0000-0000-0000-000000000000') OR project_id = {project:UUID})
  AND ({message:String} = '' OR message_id = {message:String})
  AND ({stage:String} = '' OR stage = {stage:String})
{%- endmacro %}

{# The letters with the given keys. #}
{% macro with_keys() -%}
letters.project_id = {project:UUID}
  AND letters.message_id IN {messages:Array(String)}
  AND has(
      arrayZip({messages:Array(String)}, {stages:Array(String)}, {versions:Array(UInt64)}),
      (letters.message_id, toString(letters.stage), letters.version)
  )
{%- endmacro %}

{% macro listed() %}
SELECT project_id, message_id, stage, version, received_at, reason, body, record != '' AS replayable
FROM dead_letters FINAL
WHERE {{ selected() }}
ORDER BY received_at DESC, message_id, stage
LIMIT {limit:UInt32}
{% endmacro %}

{% macro keys() %}
SELECT project_id, message_id, stage, version
FROM dead_letters FINAL
WHERE {{ selected() }}
ORDER BY received_at, message_id, stage
{% endmacro %}

{% macro remove() %}
INSERT INTO dead_letters
SELECT * REPLACE (version + 1 AS version, 1 AS gone)
FROM dead_letters AS letters FINAL
WHERE {{ with_keys() }}
{% endmacro %}

{% macro replay() %}
SELECT project_id, message_id, stage, version, record
FROM dead_letters AS letters FINAL
WHERE {{ with_keys() }} AND record != ''
{% endmacro %}

{% macro views_on() %}
SELECT arrayJoin(dependencies_table) AS view
FROM system.tables
WHERE database = currentDatabase() AND name = {name:String}
{% endmacro %}
