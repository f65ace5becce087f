-- Credits of orders{{ "" if not goals else " (here: goals)" }} to visits, by each model. A person's visits in the
-- window before an order are its path; an order without a visit in it is unattributed. Each order is distributed
-- exactly once. Refunds of orders that were never completed are unattributed, too.
{% from "language/orders.sql" import orders_with_events, valued, worth %}
SELECT
{% for column in columns %}
    touch.{{ places[column] }} AS {{ column }},
{% endfor %}
{% for model in models %}
    sum(weight.{{ loop.index }} * counts) AS {{ model }}_orders,
    sum(weight.{{ loop.index }} * value) AS {{ model }}_value{{ "," if not loop.last }}
{% endfor %}
FROM
(
    SELECT
        c.value AS value,
        c.at AS at,
        c.counts AS counts,
        arrayFilter(v -> c.counts AND v.1 <= c.at AND v.1 > c.at - toIntervalDay({window:UInt32}), t.visits) AS met,
        if(empty(met), [(c.at, 'Unattributed', '', '', '')], met) AS path,
        length(path) AS n,
        arrayLastIndex(v -> v.2 != 'Direct', path) AS named,
        arrayMap(v -> exp2(-dateDiff('second', v.1, c.at) / (86400. * {half_life:Float64})), path) AS decayed,
        arraySum(decayed) AS together,
        arrayMap(i -> tuple(
{% for model in models %}
            {{ weights[model] }}{{ "," if not loop.last }}
{% endfor %}
        ), arrayEnumerate(path)) AS weights
    FROM
    (
{% if goals %}
        SELECT {{ person }} AS person, timestamp AS at, true AS counts, 0. AS value
        FROM events
        WHERE project_id = {project:UUID} AND name IN {goals:Array(String)}
          AND timestamp >= {start:DateTime64(3,'UTC')} AND timestamp < {end:DateTime64(3,'UTC')}
          {{ event_filter }}
        UNION ALL
        SELECT {{ person }} AS person, ordered_at AS at, counts, 0. AS value
        FROM {{ orders_with_events(order_names) }}
        WHERE counts AND kind IN {kinds:Array(String)}
          {{ order_filter }}
{% else %}
        SELECT {{ person }} AS person, o.at AS at, o.counts AS counts, toFloat64({{ worth() }}) AS value
        FROM {{ valued() }} AS o
        WHERE 1
          {{ people_filter }}
{% endif %}
    ) AS c
    LEFT JOIN
    (
        SELECT
            {{ person }} AS person,
            arraySort(groupArray((started_at, toString(channel), toString(source), toString(medium), toString(campaign)))) AS visits
        FROM sessions FINAL
        WHERE project_id = {project:UUID}
          AND started_at >= {start:DateTime64(3,'UTC')} - toIntervalDay({window:UInt32})
          AND started_at < {end:DateTime64(3,'UTC')}
          AND page_views > 0
          AND {{ counts }}
        GROUP BY person
    ) AS t ON c.person = t.person
)
ARRAY JOIN path AS touch, weights AS weight
GROUP BY ALL
