-- Numbers for tokens (enrich/token_numbers.py): of a user id, or of a visitor since its last sign-out.
CREATE TABLE IF NOT EXISTS identities
(
    token UInt64,
    number UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY token
SETTINGS non_replicated_deduplication_window = 1000, index_granularity = 512;

-- Events that were stored before there were persons get their identities here; later ones get theirs from the loader.
INSERT INTO identities
SELECT token, rowNumberInAllBlocks() + 1 AS number
FROM
(
    SELECT DISTINCT
        xxh3(if(user_id = '', concat(toString(project_id), ' visitor ', visitor_id), concat(toString(project_id), ' user ', user_id))) AS token
    FROM events
);

CREATE DICTIONARY IF NOT EXISTS numbers (token UInt64, number UInt64) PRIMARY KEY token
SOURCE(CLICKHOUSE(QUERY 'SELECT token, number FROM identities')) LAYOUT(HASHED()) LIFETIME(0);

-- The identity of an event (enrich/identity.py has the rule).
ALTER TABLE events ADD COLUMN IF NOT EXISTS identity UInt64 DEFAULT dictGet('numbers', 'number',
    xxh3(if(user_id = '', concat(toString(project_id), ' visitor ', visitor_id), concat(toString(project_id), ' user ', user_id))));

ALTER TABLE sessions ADD COLUMN IF NOT EXISTS identity UInt64 DEFAULT dictGet('numbers', 'number',
    xxh3(if(user_id = '', concat(toString(project_id), ' visitor ', visitor_id), concat(toString(project_id), ' user ', user_id))));

ALTER TABLE events MATERIALIZE COLUMN identity SETTINGS mutations_sync = 1;

ALTER TABLE sessions MATERIALIZE COLUMN identity SETTINGS mutations_sync = 1;

ALTER TABLE events MODIFY COLUMN identity REMOVE DEFAULT;

ALTER TABLE sessions MODIFY COLUMN identity REMOVE DEFAULT;

DROP DICTIONARY numbers;

ALTER TABLE events ADD INDEX IF NOT EXISTS identity identity TYPE bloom_filter(0.01) GRANULARITY 1;

ALTER TABLE events MATERIALIZE INDEX identity;

ALTER TABLE sessions ADD INDEX IF NOT EXISTS identity identity TYPE bloom_filter(0.01) GRANULARITY 1;

ALTER TABLE sessions MATERIALIZE INDEX identity;

-- Claims: a visitor, since its last sign-out, was seen under a user id. The first user who was seen is its person.
CREATE TABLE IF NOT EXISTS claims
(
    project_id UUID,
    identity UInt64,
    person UInt64,
    visitor_id SimpleAggregateFunction(anyLast, String),
    user_id SimpleAggregateFunction(anyLast, String),
    at SimpleAggregateFunction(min, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY (project_id, identity, person)
SETTINGS non_replicated_deduplication_window = 1000;

-- Aliases: two ids that a client declared to be one person.
CREATE TABLE IF NOT EXISTS aliases
(
    project_id UUID,
    identity UInt64,
    person UInt64,
    previous_id String,
    user_id String,
    at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (project_id, previous_id, identity, person, at)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS sign_outs
(
    project_id UUID,
    visitor_id String,
    at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (project_id, visitor_id, at)
SETTINGS non_replicated_deduplication_window = 1000;

-- Merges that were undone; the newest row of a merge tells whether it is still undone.
CREATE TABLE IF NOT EXISTS undone_merges
(
    project_id UUID,
    identity UInt64,
    person UInt64,
    undone UInt8,
    undone_at DateTime64(3, 'UTC'),
    undone_by String
)
ENGINE = ReplacingMergeTree(undone_at)
ORDER BY (project_id, identity, person);

-- For each user id that aliases join, the token that stands for all of them. Rebuilt from `aliases` (store/persons.py).
CREATE TABLE IF NOT EXISTS user_persons
(
    user UInt64,
    person UInt64
)
ENGINE = MergeTree
ORDER BY user;

-- For each identity that stands for another, the distance to it: a person is `identity + delta`. Kept as an array.
CREATE DICTIONARY IF NOT EXISTS persons
(
    identity UInt64,
    delta Int64
)
PRIMARY KEY identity
SOURCE(CLICKHOUSE(QUERY '
    SELECT c.identity AS identity, toInt64(if(u.person = 0, c.claimed, u.person)) - toInt64(c.identity) AS delta
    FROM
    (
        SELECT identity, argMin(person, (at, person)) AS claimed
        FROM claims
        WHERE (identity, person) NOT IN (SELECT identity, person FROM undone_merges FINAL WHERE undone = 1)
        GROUP BY identity
    ) AS c
    LEFT JOIN user_persons AS u ON c.claimed = u.user
    UNION ALL
    SELECT user AS identity, toInt64(person) - toInt64(user) AS delta FROM user_persons WHERE user != person
'))
LAYOUT(FLAT(INITIAL_ARRAY_SIZE 1024 MAX_ARRAY_SIZE 2000000000))
LIFETIME(0);

-- The identities active in each hour. Events that move to another identity take their counts along.
CREATE TABLE IF NOT EXISTS activity
(
    project_id UUID,
    hour DateTime('UTC') CODEC(Delta, ZSTD(1)),
    identity UInt64,
    visitor UInt64,
    is_bot Bool,
    events Int64 CODEC(ZSTD(1))
)
ENGINE = SummingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (project_id, hour, identity, visitor, is_bot)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS activity_from_events TO activity AS
SELECT
    e.project_id AS project_id,
    toStartOfHour(toDateTime(e.timestamp, 'UTC')) AS hour,
    e.identity AS identity,
    xxh3(e.visitor_id) AS visitor,
    e.bot != '' AS is_bot,
    toInt64(count()) AS events
FROM events AS e
GROUP BY project_id, hour, identity, visitor, is_bot;

INSERT INTO activity
SELECT
    project_id, toStartOfHour(toDateTime(timestamp, 'UTC')) AS hour, identity, xxh3(visitor_id) AS visitor,
    bot != '' AS is_bot, toInt64(count()) AS events
FROM events
GROUP BY project_id, hour, identity, visitor, is_bot;

-- Revenue by currency, by the hour.
CREATE TABLE IF NOT EXISTS revenue_counts
(
    project_id UUID,
    hour DateTime('UTC'),
    name LowCardinality(String),
    currency LowCardinality(String),
    is_bot Bool,
    revenue Decimal(38, 4)
)
ENGINE = SummingMergeTree
ORDER BY (project_id, hour, name, currency, is_bot)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS revenue_counts_from_events TO revenue_counts AS
SELECT
    e.project_id AS project_id,
    toStartOfHour(toDateTime(e.timestamp, 'UTC')) AS hour,
    e.name AS name,
    e.currency AS currency,
    e.bot != '' AS is_bot,
    sum(toDecimal128(e.revenue, 4)) AS revenue
FROM events AS e
WHERE e.revenue != 0
GROUP BY project_id, hour, name, currency, is_bot;

INSERT INTO revenue_counts
SELECT
    project_id, toStartOfHour(toDateTime(timestamp, 'UTC')) AS hour, name, currency, bot != '' AS is_bot,
    sum(toDecimal128(e.revenue, 4)) AS revenue
FROM events AS e
WHERE e.revenue != 0
GROUP BY project_id, hour, name, currency, is_bot;

-- Static cohorts: people who were put into a list by hand, or by a filter at one moment.
CREATE TABLE IF NOT EXISTS cohort_members
(
    project_id UUID,
    cohort_id UUID,
    identity UInt64,
    added_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (project_id, cohort_id, identity);

-- The properties of events, with their types and their frequency.
CREATE TABLE IF NOT EXISTS property_counts
(
    project_id UUID,
    name LowCardinality(String),
    property String,
    type LowCardinality(String),
    events SimpleAggregateFunction(sum, UInt64),
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY (project_id, name, property, type)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS property_counts_from_events TO property_counts AS
SELECT
    e.project_id AS project_id,
    e.name AS name,
    pair.1 AS property,
    pair.2 AS type,
    count() AS events,
    min(e.timestamp) AS first_seen,
    max(e.timestamp) AS last_seen
FROM events AS e
ARRAY JOIN CAST(JSONAllPathsWithTypes(e.properties), 'Array(Tuple(String, String))') AS pair
GROUP BY project_id, name, property, type;

INSERT INTO property_counts
SELECT project_id, name, pair.1 AS property, pair.2 AS type, count() AS events, min(timestamp) AS first_seen, max(timestamp) AS last_seen
FROM events
ARRAY JOIN CAST(JSONAllPathsWithTypes(properties), 'Array(Tuple(String, String))') AS pair
GROUP BY project_id, name, property, type;
