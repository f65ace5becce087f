-- Violations of the tracking plan: one row for each message and property.
CREATE TABLE IF NOT EXISTS violations
(
    project_id UUID,
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    message_id String,
    event LowCardinality(String),
    property LowCardinality(String),
    problem LowCardinality(String),
    library LowCardinality(String),
    library_version LowCardinality(String),
    rejected Bool
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, received_at)
TTL toDateTime(received_at) + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 1000;
