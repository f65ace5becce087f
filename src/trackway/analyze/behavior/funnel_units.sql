{# The units that went through the steps: one row for each unit that entered, with `level` (1 to n) and `times` (the
   time of each reached step, in ms since 1970). Included by funnel.sql.

   An event is one number: its time in ms, followed by bits for what it matches (bit k-1: step k; the bits after the
   steps: exclusions). When sorted, events of the same ms are in the order of the steps. For each event, `s_k` is the
   beginning of the attempt that reaches step k with it (0: none, 1: ended by an exclusion), and `l_k` is the same for
   the newest such event so far. The latest beginning leaves the most time in the window, so no other beginning needs to
   be kept. #}
SELECT
{% if collapsed %}
    weight,
{% else %}
    unit,
{% endif %}
{% if shown %}
    shown,
{% endif %}
{% if by %}
    value,
{% endif %}
    arrayMap(code -> toInt64(bitShiftRight(code, {{ bits }})), codes) AS ts,
    arrayMap(code -> toUInt32(bitAnd(code, {{ 2 ** bits - 1 }})), codes) AS what,
{% if order == "any" %}
{% set never = "toInt64(9000000000000000)" %}
{% for family in families %}
{% for bits_of, size in family.sets.items() %}
{# For each event: the time of the next event of these steps (itself included), of the one after that, … #}
    arrayMap(w -> bitAnd(w, {{ bits_of }}) != 0, what) AS h_{{ bits_of }},
    arrayReverseFill((at, hit) -> hit, arrayMap((t, hit) -> if(hit, t, {{ never }}), ts, h_{{ bits_of }}), h_{{ bits_of }}) AS n_{{ bits_of }}_1,
{% for j in range(2, size + 1) %}
    arrayReverseFill((at, hit) -> hit, arrayMap((after, hit) -> if(hit, after, {{ never }}),
        arrayShiftLeft(n_{{ bits_of }}_{{ j - 1 }}, 1, {{ never }}), h_{{ bits_of }}), h_{{ bits_of }}) AS n_{{ bits_of }}_{{ j }},
{% endfor %}
{% endfor %}
{% endfor %}
    -- For each window that begins with an event of the period: the times at which one more step was done in it.
    arrayMap((t{% for family in families %}{% for bits_of, size in family.sets.items() %}{% for j in range(1, size + 1) %}, a{{ bits_of }}_{{ j }}{% endfor %}{% endfor %}{% endfor %}) ->
        arraySort(arrayFilter(at -> at <= t + {window:Int64} AND t < {entry_end:Int64}, [
{%- for family in families %}{% set last_family = loop.last %}{% for waits in family.moments %}
{% if waits | length > 1 %}greatest({% endif %}{% for bits_of, j in waits %}a{{ bits_of }}_{{ j }}{{ ", " if not loop.last }}{% endfor %}{{ ")" if waits | length > 1 }}{{ ", " if not (loop.last and last_family) }}
{%- endfor %}{% endfor %}])),
        ts{% for family in families %}{% for bits_of, size in family.sets.items() %}{% for j in range(1, size + 1) %}, n_{{ bits_of }}_{{ j }}{% endfor %}{% endfor %}{% endfor %}) AS reached,
    toUInt8(arrayMax(chain -> length(chain), reached)) AS level,
    arrayMin(chain -> if(length(chain) = level, chain[level], {{ never }}), reached) AS ended,
    arrayMax(chain -> if(length(chain) = level AND chain[level] = ended, chain[1], 0), reached) AS began,
    arrayFirst(chain -> length(chain) = level AND chain[level] = ended AND chain[1] = began, reached) AS times
{% else %}
    arrayMap((t, w) -> if(bitTest(w, 0) AND t < {entry_end:Int64}{{ void(1) }}, t, 0), ts, what) AS e_1,
    {{ s(1, "e_1") }}
{% for k in range(2, n + 1) %}
    arrayMap((t, w, began) -> if(bitTest(w, {{ k - 1 }}) AND began > 1 AND t - began <= {window:Int64}{{ void(k - 1) }}, began, 0),
        ts, what, arrayShiftRight({{ "s_" if order == "strict" else "l_" }}{{ k - 1 }}, 1, toInt64(0))) AS e_{{ k }},
    {{ s(k, "e_" ~ k) }}
{% endfor %}
    {% if n > 1 %}multiIf({% for k in range(n, 1, -1) %}arrayExists(began -> began > 1, e_{{ k }}), {{ k }}, {% endfor %}toUInt8(arrayExists(began -> began > 1, e_1))){% else %}toUInt8(arrayExists(began -> began > 1, e_1)){% endif %} AS level,
    -- The attempt that counts: the first one to reach the highest step.
    arrayFirst(began -> began > 1, [e_1{% for k in range(2, n + 1) %}, e_{{ k }}{% endfor %}][level]) AS began,
    arraySlice([began{% for k in range(2, n + 1) %}, arrayFirst((t, b) -> b = began, ts, e_{{ k }}){% endfor %}], 1, level) AS times
{% endif %}
FROM
(
{% if collapsed %}
    -- Most units have only seen an entity; they are counted together instead of one by one.
    SELECT any(o.codes) AS codes, count() AS weight
    FROM
    (
{% endif %}
    SELECT
        {{ unit }} AS unit,
{% if collapsed %}
        countIf({{ steps[1] }}) > 0 AS onward,
{% endif %}
{% if shown %}
        any({{ shown }}) AS shown,
{% endif %}
{% if by %}
        argMinIf({{ by }}, (timestamp, event_id), {{ steps[0] }}) AS value,
{% endif %}
        arraySort(groupArray(
            bitShiftLeft(toUInt64(toUnixTimestamp64Milli(timestamp)), {{ bits }})
            + {% for condition in steps %}bitShiftLeft(toUInt64({{ condition }}), {{ loop.index0 }}){{ " + " if not loop.last }}{% endfor %}
            {% for condition in exclusions %} + bitShiftLeft(toUInt64({{ condition }}), {{ n + loop.index0 }}){% endfor %} AS code
        )) AS codes
    FROM events
    WHERE project_id = {project:UUID}
      AND timestamp >= {start:DateTime64(3,'UTC')}
      AND timestamp < {end:DateTime64(3,'UTC')} + toIntervalMillisecond({window:Int64} + 1)
      AND {{ names }}
{% if order != "strict" %}
      AND ({{ (steps + exclusions) | join(" OR ") }})
{% endif %}
{% if unit_set %}
      AND {{ unit_set }}
{% endif %}
      {{ event_filter }}
    GROUP BY unit
    HAVING countIf(({{ steps[0] if order != "any" else steps | join(" OR ") }}) AND timestamp < {end:DateTime64(3,'UTC')}) > 0
{% if collapsed %}
    ) AS o
    GROUP BY if(o.onward, o.unit, 0)
{% endif %}
)
WHERE level > 0
