{# The identities of those tokens (of user ids and visitor ids) that are known. #}
{% macro known_identities() %}
SELECT DISTINCT number
FROM identities
WHERE token IN {tokens:Array(UInt64)}
{% endmacro %}

{% macro insert_members() %}
INSERT INTO cohort_members (project_id, cohort_id, identity, added_at)
SELECT {project:UUID}, {cohort:UUID}, arrayJoin({identities:Array(UInt64)}), {at:DateTime64(3,'UTC')}
{% endmacro %}

{% macro delete_members() %}
ALTER TABLE cohort_members DELETE
WHERE project_id = {project:UUID} AND cohort_id = {cohort:UUID}
SETTINGS mutations_sync = 1
{% endmacro %}
