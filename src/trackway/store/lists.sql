{# The rows of the list that the parameter `list` names, for IN and JOIN. #}
{% macro listed(columns) %}(SELECT {{ columns }} FROM lists WHERE list = {list:UUID}){% endmacro %}
