-- Actions of each identity, by the hour: the source of daily numbers of people.
CREATE TABLE IF NOT EXISTS person_hours
(
    project_id UUID,
    identity UInt64,
    hour DateTime('UTC') CODEC(Delta, ZSTD(1)),
    name LowCardinality(String),
    bot LowCardinality(String),
    events Int64,
    duration_s Float64
)
ENGINE = SummingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (project_id, hour, identity, name, bot)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS person_hours_from_events TO person_hours AS
SELECT
    e.project_id AS project_id,
    e.identity AS identity,
    toStartOfHour(toDateTime(e.timestamp, 'UTC')) AS hour,
    e.name AS name,
    e.bot AS bot,
    toInt64(count()) AS events,
    sum(e.lasted_s) AS duration_s
FROM
(
    SELECT
        *,
        coalesce(toFloat64OrNull(toString(properties.duration_s)), toFloat64OrNull(toString(properties.visible_s)), 0) AS lasted_s
    FROM events
) AS e
GROUP BY project_id, identity, hour, name, bot;

FILL person_hours;
