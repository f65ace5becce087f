-- Counters store the reason for taking somebody for a bot: a project may overrule a reason, and all its answers follow
-- at once. They are recomputed here from events and sessions; repeating this after a crash gives the same result.

DROP VIEW IF EXISTS event_counts_from_events;

DROP TABLE IF EXISTS event_counts;

CREATE TABLE event_counts
(
    project_id UUID,
    hour DateTime('UTC'),
    name LowCardinality(String),
    bot LowCardinality(String),
    events UInt64,
    page_views UInt64
)
ENGINE = SummingMergeTree
ORDER BY (project_id, hour, name, bot)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW event_counts_from_events TO event_counts AS
SELECT
    e.project_id AS project_id,
    toStartOfHour(toDateTime(e.timestamp, 'UTC')) AS hour,
    e.name AS name,
    e.bot AS bot,
    count() AS events,
    countIf(e.type IN ('page', 'screen')) AS page_views
FROM events AS e
GROUP BY project_id, hour, name, bot;

FILL event_counts;

DROP VIEW IF EXISTS activity_from_events;

DROP TABLE IF EXISTS activity;

CREATE TABLE activity
(
    project_id UUID,
    hour DateTime('UTC') CODEC(Delta, ZSTD(1)),
    identity UInt64,
    visitor UInt64,
    bot LowCardinality(String),
    events Int64 CODEC(ZSTD(1))
)
ENGINE = SummingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (project_id, hour, identity, visitor, bot)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW activity_from_events TO activity AS
SELECT
    e.project_id AS project_id,
    toStartOfHour(toDateTime(e.timestamp, 'UTC')) AS hour,
    e.identity AS identity,
    xxh3(e.visitor_id) AS visitor,
    e.bot AS bot,
    toInt64(count()) AS events
FROM events AS e
GROUP BY project_id, hour, identity, visitor, bot;

FILL activity;

DROP VIEW IF EXISTS revenue_counts_from_events;

DROP TABLE IF EXISTS revenue_counts;

CREATE TABLE revenue_counts
(
    project_id UUID,
    hour DateTime('UTC'),
    name LowCardinality(String),
    currency LowCardinality(String),
    bot LowCardinality(String),
    revenue Decimal(38, 4)
)
ENGINE = SummingMergeTree
ORDER BY (project_id, hour, name, currency, bot)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW revenue_counts_from_events TO revenue_counts AS
SELECT
    e.project_id AS project_id,
    toStartOfHour(toDateTime(e.timestamp, 'UTC')) AS hour,
    e.name AS name,
    e.currency AS currency,
    e.bot AS bot,
    sum(toDecimal128(e.revenue, 4)) AS revenue
FROM events AS e
WHERE e.revenue != 0
GROUP BY project_id, hour, name, currency, bot;

FILL revenue_counts;

DROP VIEW IF EXISTS source_counts_from_sessions;

DROP TABLE IF EXISTS source_counts;

CREATE TABLE source_counts
(
    project_id UUID,
    hour DateTime('UTC'),
    channel LowCardinality(String),
    source LowCardinality(String),
    medium LowCardinality(String),
    campaign LowCardinality(String),
    bot LowCardinality(String),
    sessions Int64,
    bounces Int64,
    events Int64,
    page_views Int64,
    duration_ms Int64
)
ENGINE = SummingMergeTree
ORDER BY (project_id, hour, channel, source, medium, campaign, bot)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW source_counts_from_sessions TO source_counts AS
SELECT
    s.project_id AS project_id,
    toStartOfHour(toDateTime(s.started_at, 'UTC')) AS hour,
    s.channel AS channel,
    s.source AS source,
    s.medium AS medium,
    s.campaign AS campaign,
    s.bot AS bot,
    sum(s.changes_sessions) AS sessions,
    sum(s.changes_bounces) AS bounces,
    sum(s.changes_events) AS events,
    sum(s.changes_page_views) AS page_views,
    sum(s.changes_duration_ms) AS duration_ms
FROM sessions AS s
GROUP BY project_id, hour, channel, source, medium, campaign, bot;

INSERT INTO source_counts
SELECT
    s.project_id AS project_id,
    toStartOfHour(toDateTime(s.started_at, 'UTC')) AS hour,
    s.channel AS channel,
    s.source AS source,
    s.medium AS medium,
    s.campaign AS campaign,
    s.bot AS bot,
    toInt64(count()) AS sessions,
    toInt64(countIf(s.acts <= 1)) AS bounces,
    toInt64(sum(s.events)) AS events,
    toInt64(sum(s.page_views)) AS page_views,
    sum(dateDiff('millisecond', s.started_at, s.ended_at)) AS duration_ms
FROM sessions AS s FINAL
GROUP BY project_id, hour, channel, source, medium, campaign, bot;
