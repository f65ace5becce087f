project_id = {project:UUID}
  AND {{ of.at }} >= {start:DateTime64(3,'UTC')}
  AND {{ of.at }} < {end:DateTime64(3,'UTC')}
{% if table == "events" %}
  {{ event_filter }}
{% elif table == "sessions" %}
  {{ session_filter }}
{% else %}
  AND {{ counts }}
{% endif %}
