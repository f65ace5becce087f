{# The rows of the list that the parameter `list` names, for IN and JOIN; `with_list` replaces a short one by values. #}
{% macro listed(columns) %}(SELECT {{ columns }} FROM lists WHERE list = {list:UUID}){% endmacro %}
