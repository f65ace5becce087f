-- For each interval of a start: how many people came back in each later interval; `later` -1 is how many started.
{% from "language/time.sql" import ordinal %}
{% if show == "cells" %}
SELECT
    {{ "part," if by else "" }}
    cohort,
    arrayJoin(arrayConcat([toInt32(-1)], {{ came_back }})) AS later,
    count() AS persons
{% else %}
SELECT person, returns
{% endif %}
FROM (
{% if show == "cells" and by %}
SELECT starts, returns, if(value IN
    (
        SELECT value FROM ({{ self.people() }}) ARRAY JOIN starts AS cohort
        GROUP BY value ORDER BY count() DESC, value LIMIT {top:UInt32}
    ), [value], emptyArrayString()) AS part
FROM (
{% endif %}
{% block people %}
    SELECT
        {{ person }} AS person,
{% if by %}
        minIf((timestamp, toString({{ by }})), {{ starts }}).2 AS value,
{% endif %}
{% if first_time %}
        minIf({{ source.at }}, {{ starts }}) AS began,
        if(began >= {start:DateTime64(3,'UTC')} AND began < {end:DateTime64(3,'UTC')},
            [{{ ordinal("began", interval) }}], emptyArrayInt32()) AS starts,
{% else %}
        groupUniqArrayIf({{ ordinal(source.at, interval) }}, {{ starts }} AND {{ source.at }} >= {start:DateTime64(3,'UTC')} AND {{ source.at }} < {end:DateTime64(3,'UTC')}) AS starts,
{% endif %}
        groupUniqArrayIf({{ ordinal(source.at, interval) }}, {{ returns }} AND {{ source.at }} >= {start:DateTime64(3,'UTC')}) AS returns
    FROM {{ source.table }}
    WHERE project_id = {project:UUID}
      AND {{ source.at }} < {until:DateTime64(3,'UTC')}
{% if not first_time %}
      AND {{ source.at }} >= {start:DateTime64(3,'UTC')}
{% endif %}
      AND {{ names }}
      AND {{ source.conditions }}
    GROUP BY person
    HAVING countIf({{ starts }}) > 0
{% endblock %}{{ ")" if show == "cells" and by else "" }})
ARRAY JOIN starts AS cohort
{% if show == "cells" %}
GROUP BY {% if by %}part, {% endif %}cohort, later
ORDER BY {% if by %}part, {% endif %}cohort, later
{% else %}
WHERE cohort = {cohort:Int32} AND has(arrayConcat([toInt32(-1)], {{ came_back }}), {later:Int32})
ORDER BY person
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
{% endif %}
