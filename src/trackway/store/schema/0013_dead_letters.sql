-- Messages that were acknowledged and that the pipeline or the engine cannot take, with the reason. `record` is the
-- message as the log had it, to be replayed after a fix; it is empty for a derived row (a session, an order) that the
-- engine refused. A letter that was replayed or dropped is marked `gone`.
CREATE TABLE IF NOT EXISTS dead_letters
(
    project_id UUID,
    message_id String,
    received_at DateTime64(3, 'UTC'),
    stage LowCardinality(String),
    reason String,
    body String CODEC(ZSTD(1)),
    record String CODEC(ZSTD(1)),
    version UInt64,
    gone UInt8
)
ENGINE = ReplacingMergeTree(version, gone)
ORDER BY (project_id, message_id, stage)
SETTINGS non_replicated_deduplication_window = 1000;
