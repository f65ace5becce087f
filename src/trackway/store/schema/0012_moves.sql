-- Late events change stored rows by lightweight updates: patches beside the parts, which reads and merges apply
-- (docs/decisions/0013-late-events.md).
ALTER TABLE events MODIFY SETTING enable_block_number_column = 1, enable_block_offset_column = 1;

ALTER TABLE sessions MODIFY SETTING enable_block_number_column = 1, enable_block_offset_column = 1;

-- The stored events that the current batch moves to another session (store/moved_events.py); in memory, and rewritten
-- for each batch.
CREATE TABLE IF NOT EXISTS moves
(
    project_id UUID,
    event_id UUID,
    at DateTime64(3, 'UTC'),
    session_id UUID,
    channel LowCardinality(String),
    source LowCardinality(String),
    medium LowCardinality(String),
    campaign LowCardinality(String),
    term LowCardinality(String),
    content LowCardinality(String)
)
ENGINE = Join(ANY, LEFT, project_id, event_id)
SETTINGS persistent = 0;

-- The late sign-outs of the current batch (store/late_sign_outs.py), also in memory: for each visitor, the stretches of
-- time (since, until], in milliseconds, that get another identity. The key is the project and the visitor as one text:
-- with several key columns, one of them a text, a table supports look-ups but cannot be read.
CREATE TABLE IF NOT EXISTS late_sign_outs
(
    key String,
    project_id UUID,
    visitor_id String,
    since Array(Int64),
    until Array(Int64),
    identity Array(UInt64)
)
ENGINE = Join(ANY, LEFT, key)
SETTINGS persistent = 0;

-- Long lists of values in questions (store/lists.py): a server refuses long values among the parameters.
CREATE TABLE IF NOT EXISTS lists
(
    list UUID,
    project_id UUID,
    visitor_id String,
    session_id UUID,
    order_id String,
    token UInt64,
    since DateTime64(3, 'UTC'),
    until DateTime64(3, 'UTC'),
    made_at DateTime('UTC') DEFAULT now()
)
ENGINE = MergeTree
ORDER BY list
TTL made_at + INTERVAL 1 HOUR;
