-- The actions of persons: their number, and as rows in the order of `at` (milliseconds before 1970, so the newest first),
-- name and entity those of a period (`recent`), the newest of all times, and what became of suggestions (`told`).
-- Suggestions that were shown count in the period only. Everything is read once: a statement costs more than its rows.
SELECT
    person, sum(times) AS activities,
    groupArraySortedIf({{ most }})(row, times > 0 AND at <= {since:Int64}) AS recent,
    groupArraySortedIf({{ newest }})(row, times > 0) AS newest
    {% if told %}
    , groupArraySortedIf({{ most }})(
        row, times > 0 AND row.3 = {of:String} AND row.4 IN {suggestions:Array(String)} AND row.2 IN {names:Array(String)}
            AND (at <= {since_told:Int64} OR row.2 != {shown:String})
    ) AS told
    {% endif %}
FROM
(
    SELECT
        {{ person }} AS person, -toUnixTimestamp64Milli(timestamp) AS at, sum(actions) AS times,
        (at, toString(name), toString(entity_type), entity_id, times, greatest(0, sum(duration_s)), toString(max(timezone))) AS row
    FROM actions
    WHERE project_id = {project:UUID}
      AND identity IN {identities:Array(UInt64)}
      AND timestamp < {end:DateTime64(3,'UTC')}
      AND {{ counts }}
    GROUP BY person, timestamp, name, entity_type, entity_id
)
GROUP BY person
