-- The register of entities, as the project states them; the newest row of an entity is the current one (read with
-- FINAL). `parents` are written type:id, such as artist:7; `notify` holds the digest of views for the owners.
CREATE TABLE IF NOT EXISTS entities
(
    project_id UUID,
    entity_type LowCardinality(String),
    entity_id String,
    name String,
    owners Array(String),
    parents Array(String),
    attributes String CODEC(ZSTD(1)),
    hidden Bool,
    notify String,
    deleted Bool,
    updated_at DateTime64(3, 'UTC'),
    updated_by String
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY (project_id, entity_type, entity_id)
SETTINGS index_granularity = 1024;

-- The entities named in events, registered or not.
CREATE TABLE IF NOT EXISTS entities_seen
(
    project_id UUID,
    entity_type LowCardinality(String),
    entity_id String,
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY (project_id, entity_type, entity_id)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS entities_seen_from_events TO entities_seen AS
SELECT
    e.project_id AS project_id,
    e.entity_type AS entity_type,
    e.entity_id AS entity_id,
    min(e.timestamp) AS first_seen,
    max(e.timestamp) AS last_seen
FROM events AS e
WHERE e.entity_id != ''
GROUP BY project_id, entity_type, entity_id;

FILL entities_seen;

-- Counted views of each entity (collect/views/counter.py), of all time.
CREATE TABLE IF NOT EXISTS view_counts
(
    project_id UUID,
    entity_type LowCardinality(String),
    entity_id String,
    bot LowCardinality(String),
    views SimpleAggregateFunction(sum, UInt64),
    anonymous SimpleAggregateFunction(sum, UInt64),
    sessions AggregateFunction(uniqExact, UInt64),
    viewers AggregateFunction(uniqExact, UInt64),
    last_viewed SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY (project_id, entity_type, entity_id, bot)
SETTINGS non_replicated_deduplication_window = 1000, index_granularity = 256;

CREATE MATERIALIZED VIEW IF NOT EXISTS view_counts_from_events TO view_counts AS
SELECT
    e.project_id AS project_id,
    e.entity_type AS entity_type,
    e.entity_id AS entity_id,
    e.bot AS bot,
    count() AS views,
    countIf(e.user_id = '') AS anonymous,
    uniqExactState(xxh3(e.session_id)) AS sessions,
    uniqExactStateIf(xxh3(e.user_id), e.user_id != '') AS viewers,
    max(e.timestamp) AS last_viewed
FROM events AS e
WHERE e.name = 'view' AND e.library = 'views'
GROUP BY project_id, entity_type, entity_id, bot;

-- Counted views of each entity by the hour, by referrer source and by country.
CREATE TABLE IF NOT EXISTS view_hours
(
    project_id UUID,
    entity_type LowCardinality(String),
    entity_id String,
    hour DateTime('UTC') CODEC(Delta, ZSTD(1)),
    referrer_source LowCardinality(String),
    country LowCardinality(String),
    bot LowCardinality(String),
    views UInt64,
    anonymous UInt64
)
ENGINE = SummingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (project_id, entity_type, entity_id, hour, referrer_source, country, bot)
SETTINGS non_replicated_deduplication_window = 1000, index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS view_hours_from_events TO view_hours AS
SELECT
    e.project_id AS project_id,
    e.entity_type AS entity_type,
    e.entity_id AS entity_id,
    toStartOfHour(toDateTime(e.timestamp, 'UTC')) AS hour,
    ifNull(e.properties.referrer_source.:String, '') AS referrer_source,
    e.country AS country,
    e.bot AS bot,
    count() AS views,
    countIf(e.user_id = '') AS anonymous
FROM events AS e
WHERE e.name = 'view' AND e.library = 'views'
GROUP BY project_id, entity_type, entity_id, hour, referrer_source, country, bot;

-- Actions of people with each entity, by the hour. `lasted` is 1, 2, 3 for over 30, 60, 120 seconds: the weight of an
-- interaction follows from its name and its duration (analyze/entities/daily.py).
CREATE TABLE IF NOT EXISTS interaction_hours
(
    project_id UUID,
    entity_type LowCardinality(String),
    entity_id String,
    hour DateTime('UTC') CODEC(Delta, ZSTD(1)),
    name LowCardinality(String),
    lasted UInt8,
    bot LowCardinality(String),
    events SimpleAggregateFunction(sum, UInt64),
    duration_s SimpleAggregateFunction(sum, Float64),
    ratings SimpleAggregateFunction(sum, UInt64),
    rating SimpleAggregateFunction(sum, Float64),
    visitors AggregateFunction(uniqExact, UInt64)
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (project_id, entity_type, entity_id, hour, name, lasted, bot)
SETTINGS non_replicated_deduplication_window = 1000, index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS interaction_hours_from_events TO interaction_hours AS
SELECT
    e.project_id AS project_id,
    e.entity_type AS entity_type,
    e.entity_id AS entity_id,
    toStartOfHour(toDateTime(e.timestamp, 'UTC')) AS hour,
    e.name AS name,
    toUInt8(e.lasted_s > 30) + toUInt8(e.lasted_s > 60) + toUInt8(e.lasted_s > 120) AS lasted,
    e.bot AS bot,
    count() AS events,
    sum(e.lasted_s) AS duration_s,
    countIf(e.rated > 0) AS ratings,
    sumIf(e.rated, e.rated > 0) AS rating,
    uniqExactState(xxh3(e.visitor_id)) AS visitors
FROM
(
    SELECT
        *,
        coalesce(toFloat64OrNull(toString(properties.duration_s)), toFloat64OrNull(toString(properties.visible_s)), 0) AS lasted_s,
        ifNull(toFloat64OrNull(toString(properties.rating)), 0) AS rated
    FROM events
) AS e
WHERE e.entity_id != ''
GROUP BY project_id, entity_type, entity_id, hour, name, lasted, bot;

FILL interaction_hours;
