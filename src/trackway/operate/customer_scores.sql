{# Scores that newer ones replace. #}
{% macro forget_older() %}
ALTER TABLE customer_scores DELETE
WHERE project_id = {project:UUID} AND version < {version:UInt64}
SETTINGS mutations_sync = 1
{% endmacro %}
