-- Counts of raw views that were deleted, by the month: recomputed counters start from these. A month that is archived
-- again replaces its earlier row.
CREATE TABLE IF NOT EXISTS view_archive
(
    project_id UUID,
    month UInt32,
    entity_type LowCardinality(String),
    entity_id String,
    bot LowCardinality(String),
    views UInt64,
    anonymous UInt64,
    sessions AggregateFunction(uniqExact, UInt64),
    viewers AggregateFunction(uniqExact, UInt64),
    last_viewed DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (project_id, month, entity_type, entity_id, bot);
