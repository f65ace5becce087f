-- One row for each event. Sorted for the most frequent questions; see docs/decisions/0002-sort-keys.md.
CREATE TABLE IF NOT EXISTS events
(
    project_id UUID,
    event_id UUID,
    message_id String CODEC(ZSTD(1)),
    type LowCardinality(String),
    name LowCardinality(String),
    timestamp DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    visitor_id String,
    visitor_name LowCardinality(String),
    user_id String,
    group_id String,
    session_id UUID,
    host LowCardinality(String),
    path String,
    query String,
    title String,
    referrer String,
    referrer_host LowCardinality(String),
    channel LowCardinality(String),
    source LowCardinality(String),
    medium LowCardinality(String),
    campaign LowCardinality(String),
    term LowCardinality(String),
    content LowCardinality(String),
    click_id LowCardinality(String),
    device LowCardinality(String),
    browser LowCardinality(String),
    browser_version LowCardinality(String),
    system LowCardinality(String),
    system_version LowCardinality(String),
    country LowCardinality(String),
    region LowCardinality(String),
    city LowCardinality(String),
    language LowCardinality(String),
    screen_width UInt16,
    ip String,
    bot LowCardinality(String),
    revenue Decimal(18, 4),
    currency LowCardinality(String),
    entity_type LowCardinality(String),
    entity_id String,
    properties JSON,
    library LowCardinality(String),
    INDEX visitor visitor_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX session session_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(timestamp)
ORDER BY (project_id, name, timestamp)
SETTINGS non_replicated_deduplication_window = 1000;

-- Messages that were refused, for an administrator to look at; kept for 7 days.
CREATE TABLE IF NOT EXISTS rejections
(
    project_id UUID,
    received_at DateTime64(3, 'UTC'),
    message_id String,
    field String,
    reason String,
    body String
)
ENGINE = MergeTree
ORDER BY (project_id, received_at)
TTL toDateTime(received_at) + INTERVAL 7 DAY
SETTINGS non_replicated_deduplication_window = 1000;
