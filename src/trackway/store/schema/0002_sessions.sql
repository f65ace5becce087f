-- One row for each state of a session; the newest version is the current one, so read it with FINAL. A session whose
-- key changed (a late event made it start earlier, or joined it to another) leaves a row marked `gone` under its old
-- key. The changes_* columns hold what a row adds to the counters by source, so that the counters need no look-up.
CREATE TABLE IF NOT EXISTS sessions
(
    project_id UUID,
    session_id UUID,
    visitor_id String,
    visitor_name LowCardinality(String),
    user_id String,
    started_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    ended_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    closed Bool,
    events UInt32,
    page_views UInt32,
    entry_at DateTime64(3, 'UTC'),
    entry_host LowCardinality(String),
    entry_path String,
    exit_at DateTime64(3, 'UTC'),
    exit_path String,
    referrer_host LowCardinality(String),
    channel LowCardinality(String),
    source LowCardinality(String),
    medium LowCardinality(String),
    campaign LowCardinality(String),
    term LowCardinality(String),
    content LowCardinality(String),
    device LowCardinality(String),
    browser LowCardinality(String),
    system LowCardinality(String),
    country LowCardinality(String),
    region LowCardinality(String),
    city LowCardinality(String),
    language LowCardinality(String),
    bot LowCardinality(String),
    hinted Bool,
    version UInt64,
    gone UInt8,
    changes_sessions Int8,
    changes_bounces Int8,
    changes_events Int32,
    changes_page_views Int32,
    changes_duration_ms Int64,
    INDEX visitor visitor_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, gone)
PARTITION BY toYYYYMM(started_at)
ORDER BY (project_id, started_at, session_id, visitor_id)
SETTINGS non_replicated_deduplication_window = 1000;
