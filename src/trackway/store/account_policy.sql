{% macro of_owner() %}
SELECT entity_type, entity_id
FROM entities FINAL
WHERE project_id = {project:UUID} AND NOT deleted AND has(owners, {owner:String})
LIMIT {most:UInt32}
{% endmacro %}

{# The person of a user, and whether aliases join them with another user who was seen. #}
{% macro of_person() %}
WITH
    joined AS (SELECT user, person FROM user_persons),
    others AS
    (
        SELECT user FROM joined
        WHERE person IN (SELECT person FROM joined WHERE user IN (SELECT number FROM identities WHERE token = {token:UInt64}))
          AND user NOT IN (SELECT number FROM identities WHERE token = {token:UInt64})
    )
SELECT
    number + dictGet('persons', 'delta', number) AS person,
    (
        SELECT count() FROM
        (
            SELECT person AS user FROM claims WHERE project_id = {project:UUID} AND person IN (SELECT user FROM others)
            UNION ALL
            SELECT identity AS user FROM customers
            WHERE project_id = {project:UUID} AND identity IN (SELECT user FROM others) AND user_id != ''
        )
    ) AS other_users
FROM identities
WHERE token = {token:UInt64}
{% endmacro %}
