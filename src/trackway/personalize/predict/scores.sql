{# Predictions of earlier models. #}
{% macro forget_older() %}
ALTER TABLE predictions DELETE
WHERE project_id = {project:UUID} AND target = {target:String} AND version < {version:UInt64}
SETTINGS mutations_sync = 1
{% endmacro %}

{% macro forget_models() %}
ALTER TABLE prediction_models DELETE
WHERE project_id = {project:UUID} AND target = {target:String} AND NOT has({models:Array(String)}, model)
SETTINGS mutations_sync = 1
{% endmacro %}

{% macro any_of_people() %}
SELECT count() > 0 AS found FROM predictions WHERE project_id = {project:UUID} AND identity IN {identities:Array(UInt64)}
{% endmacro %}
{% macro forget_people() %}
ALTER TABLE predictions DELETE
WHERE project_id = {project:UUID} AND identity IN {identities:Array(UInt64)}
SETTINGS mutations_sync = 1
{% endmacro %}

{% macro forget_targets() %}
ALTER TABLE predictions DELETE WHERE project_id = {project:UUID} AND NOT has({targets:Array(String)}, target)
SETTINGS mutations_sync = 1
{% endmacro %}
{% macro forget_models_of_targets() %}
ALTER TABLE prediction_models DELETE WHERE project_id = {project:UUID} AND NOT has({targets:Array(String)}, target)
SETTINGS mutations_sync = 1
{% endmacro %}

{# The newest models of a target. #}
{% macro newest_models() %}
SELECT model FROM prediction_models
WHERE project_id = {project:UUID} AND target = {target:String}
GROUP BY model
ORDER BY model DESC
LIMIT {kept:UInt32}
{% endmacro %}
