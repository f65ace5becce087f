{% macro aliases() %}
SELECT DISTINCT identity, person
FROM aliases
WHERE (identity, person) NOT IN (SELECT identity, person FROM undone_merges FINAL WHERE undone = 1)
{% endmacro %}

{% macro write_user_persons() %}
INSERT INTO user_persons
SELECT pair.1, pair.2
FROM (SELECT arrayJoin(arrayZip({users:Array(UInt64)}, {persons:Array(UInt64)})) AS pair)
{% endmacro %}
