{# The number of reasons (claims and aliases) for which an identity is merged into a person. #}
{% macro count_merges() %}
SELECT count() AS n
FROM
(
    SELECT 1 FROM claims WHERE {{ of_pair() }}
    UNION ALL
    SELECT 1 FROM aliases WHERE {{ of_pair() }}
)
{% endmacro %}

{% macro of_pair() %}project_id = {project:UUID} AND identity = {identity:UInt64} AND person = {person:UInt64}{% endmacro %}

{% macro insert_undone_merge() %}
INSERT INTO undone_merges (project_id, identity, person, undone, undone_at, undone_by)
VALUES ({project:UUID}, {identity:UInt64}, {person:UInt64}, {undone:UInt8}, {at:DateTime64(3,'UTC')}, {by:String})
{% endmacro %}
