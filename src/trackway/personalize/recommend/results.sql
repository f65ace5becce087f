-- What became of recommendations on surfaces: people to whom they were shown, who clicked, and exposures by place.
SELECT
    surface, held, uniqExact(person) AS people, uniqExactIf(person, clicked_times > 0) AS clicked,
    sum(shown_times) AS shown, sum(clicked_times) AS clicks
FROM
(
    SELECT
        person, surface,
        xxh3(concat(unhex(replaceAll(toString({project:UUID}), '-', '')), ' recommend ', surface, ' ', unhex(leftPad(hex(person), 16, '0'))))
            < {bounds:Array(UInt128)}[indexOf({surfaces:Array(String)}, surface)] AS held,
        countIf(name = {shown:String}) AS shown_times,
        countIf(name = {clicked:String}) AS clicked_times
    FROM
    (
        SELECT toUInt64({{ person }}) AS person, toString(e.properties.surface) AS surface, e.name AS name
        FROM events AS e
        WHERE e.project_id = {project:UUID}
          AND e.name IN ({shown:String}, {clicked:String})
          AND e.timestamp >= {start:DateTime64(3,'UTC')}
          AND e.timestamp < {end:DateTime64(3,'UTC')}{{ event_filter }}
    )
    WHERE surface IN {surfaces:Array(String)}
    GROUP BY person, surface
    HAVING shown_times > 0
)
GROUP BY surface, held
ORDER BY surface, held
