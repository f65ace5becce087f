-- Visitor profiles: totals of each visitor, from its events and its sessions.
CREATE TABLE IF NOT EXISTS visitors
(
    project_id UUID,
    visitor_id String,
    visitor_name SimpleAggregateFunction(anyLast, LowCardinality(String)),
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    events SimpleAggregateFunction(sum, UInt64),
    page_views SimpleAggregateFunction(sum, UInt64),
    sessions SimpleAggregateFunction(sum, Int64),
    revenue SimpleAggregateFunction(sumMap, Map(String, Decimal(38, 4))),
    bot SimpleAggregateFunction(max, LowCardinality(String))
)
ENGINE = AggregatingMergeTree
ORDER BY (project_id, visitor_id)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS visitors_from_events TO visitors AS
SELECT
    e.project_id AS project_id,
    e.visitor_id AS visitor_id,
    any(e.visitor_name) AS visitor_name,
    min(e.timestamp) AS first_seen,
    max(e.timestamp) AS last_seen,
    count() AS events,
    countIf(e.type IN ('page', 'screen')) AS page_views,
    toInt64(0) AS sessions,
    sumMapIf(map(e.currency, toDecimal128(e.revenue, 4)), e.revenue != 0) AS revenue,
    max(e.bot) AS bot
FROM events AS e
GROUP BY project_id, visitor_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS visitors_from_sessions TO visitors AS
SELECT
    s.project_id AS project_id,
    s.visitor_id AS visitor_id,
    any(s.visitor_name) AS visitor_name,
    min(s.started_at) AS first_seen,
    max(s.ended_at) AS last_seen,
    toUInt64(0) AS events,
    toUInt64(0) AS page_views,
    sum(s.changes_sessions) AS sessions,
    CAST(map(), 'Map(String, Decimal(38, 4))') AS revenue,
    max(s.bot) AS bot
FROM sessions AS s
GROUP BY project_id, visitor_id;

-- Counters by event. They are kept by the hour, so that they give the days of any time zone.
CREATE TABLE IF NOT EXISTS event_counts
(
    project_id UUID,
    hour DateTime('UTC'),
    name LowCardinality(String),
    is_bot Bool,
    events UInt64,
    page_views UInt64
)
ENGINE = SummingMergeTree
ORDER BY (project_id, hour, name, is_bot)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS event_counts_from_events TO event_counts AS
SELECT
    e.project_id AS project_id,
    toStartOfHour(toDateTime(e.timestamp, 'UTC')) AS hour,
    e.name AS name,
    e.bot != '' AS is_bot,
    count() AS events,
    countIf(e.type IN ('page', 'screen')) AS page_views
FROM events AS e
GROUP BY project_id, hour, name, is_bot;

-- Counters by source, by the hour in which the session started. A session that changes subtracts its earlier values.
CREATE TABLE IF NOT EXISTS source_counts
(
    project_id UUID,
    hour DateTime('UTC'),
    channel LowCardinality(String),
    source LowCardinality(String),
    medium LowCardinality(String),
    campaign LowCardinality(String),
    is_bot Bool,
    sessions Int64,
    bounces Int64,
    events Int64,
    page_views Int64,
    duration_ms Int64
)
ENGINE = SummingMergeTree
ORDER BY (project_id, hour, channel, source, medium, campaign, is_bot)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS source_counts_from_sessions TO source_counts AS
SELECT
    s.project_id AS project_id,
    toStartOfHour(toDateTime(s.started_at, 'UTC')) AS hour,
    s.channel AS channel,
    s.source AS source,
    s.medium AS medium,
    s.campaign AS campaign,
    s.bot != '' AS is_bot,
    sum(s.changes_sessions) AS sessions,
    sum(s.changes_bounces) AS bounces,
    sum(s.changes_events) AS events,
    sum(s.changes_page_views) AS page_views,
    sum(s.changes_duration_ms) AS duration_ms
FROM sessions AS s
GROUP BY project_id, hour, channel, source, medium, campaign, is_bot;
