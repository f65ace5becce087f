-- Each identity as a customer, from its events and sessions: the times of registration and sign-in, the number of
-- sessions, and the devices. A session that changes subtracts its earlier values. Small blocks, because pages of people
-- are looked up here.
CREATE TABLE IF NOT EXISTS customers
(
    project_id UUID,
    identity UInt64,
    bot LowCardinality(String),
    visitor_id SimpleAggregateFunction(anyLast, String),
    visitor_name SimpleAggregateFunction(anyLast, String),
    user_id SimpleAggregateFunction(max, String),
    named SimpleAggregateFunction(max, Bool),
    known_as AggregateFunction(argMaxIf, String, DateTime64(3, 'UTC'), UInt8),
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    registered_at SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    signed_in_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    reviews SimpleAggregateFunction(sum, Int64),
    sessions SimpleAggregateFunction(sum, Int64),
    duration_ms SimpleAggregateFunction(sum, Int64),
    devices SimpleAggregateFunction(sumMap, Map(String, Int64)),
    browsers SimpleAggregateFunction(sumMap, Map(String, Int64)),
    systems SimpleAggregateFunction(sumMap, Map(String, Int64)),
    countries SimpleAggregateFunction(sumMap, Map(String, Int64))
)
ENGINE = AggregatingMergeTree
ORDER BY (project_id, identity, bot)
SETTINGS non_replicated_deduplication_window = 1000, index_granularity = 256, min_compress_block_size = 16384;

-- Sign-ins are sign-in events and `identify`. The registration is a sign-up event, the trait `createdAt` or the first
-- event under a user id, whichever is earliest. A missing time is a time in 2299.
CREATE MATERIALIZED VIEW IF NOT EXISTS customers_from_events TO customers AS
SELECT
    e.project_id AS project_id,
    e.identity AS identity,
    e.bot AS bot,
    any(e.visitor_id) AS visitor_id,
    any(toString(e.visitor_name)) AS visitor_name,
    max(e.user_id) AS user_id,
    max(e.user_id != '') AS named,
    argMaxIfState(e.stated_name, e.timestamp, e.stated_name != '') AS known_as,
    min(e.timestamp) AS first_seen,
    max(e.timestamp) AS last_seen,
    min(if(e.user_id != '' OR e.registers, least(e.timestamp, e.created_at), e.created_at)) AS registered_at,
    maxIf(e.timestamp, e.signs_in) AS signed_in_at,
    toInt64(countIf(e.reviewed)) AS reviews,
    toInt64(0) AS sessions,
    toInt64(0) AS duration_ms,
    CAST(map(), 'Map(String, Int64)') AS devices,
    CAST(map(), 'Map(String, Int64)') AS browsers,
    CAST(map(), 'Map(String, Int64)') AS systems,
    CAST(map(), 'Map(String, Int64)') AS countries
FROM
(
    SELECT
        project_id, identity, bot, visitor_id, visitor_name, user_id, timestamp,
        toDateTime64('2299-01-01 00:00:00', 3, 'UTC') AS never,
        type = 'track' AND match(name, '^(?i)((signed|sign)[ _-]?up|registered|account[ _-]created)$') AS registers,
        type = 'identify' OR match(name, '^(?i)(signed|sign|logged|log)[ _-]?in$') AS signs_in,
        match(name, '^(?i)((product[ _-])?review(ed)?|review[ _-](submitted|added|created))$') AS reviewed,
        if(type = 'identify', coalesce(
            nullIf(properties.name.:String, ''),
            nullIf(trim(concat(ifNull(properties.firstName.:String, ''), ' ', ifNull(properties.lastName.:String, ''))), ''),
            properties.email.:String, ''), '') AS stated_name,
        if(type = 'identify', ifNull(parseDateTime64BestEffortOrNull(
            coalesce(properties.createdAt.:String, properties.created_at.:String), 3, 'UTC'), never), never) AS created_at
    FROM events
) AS e
WHERE e.user_id != '' OR e.registers OR e.reviewed
GROUP BY project_id, identity, bot;

FILL customers;

CREATE MATERIALIZED VIEW IF NOT EXISTS customers_from_sessions TO customers AS
SELECT
    s.project_id AS project_id,
    s.identity AS identity,
    s.bot AS bot,
    any(s.visitor_id) AS visitor_id,
    any(toString(s.visitor_name)) AS visitor_name,
    max(s.user_id) AS user_id,
    max(s.user_id != '') AS named,
    argMaxIfState('', s.started_at, toUInt8(0)) AS known_as,
    min(s.started_at) AS first_seen,
    max(s.ended_at) AS last_seen,
    toDateTime64('2299-01-01 00:00:00', 3, 'UTC') AS registered_at,
    toDateTime64(0, 3, 'UTC') AS signed_in_at,
    toInt64(0) AS reviews,
    toInt64(sum(s.changes_sessions)) AS sessions,
    toInt64(sum(s.changes_duration_ms)) AS duration_ms,
    sumMapIf(map(toString(s.device), toInt64(s.changes_sessions)), s.changes_sessions != 0) AS devices,
    sumMapIf(map(toString(s.browser), toInt64(s.changes_sessions)), s.changes_sessions != 0) AS browsers,
    sumMapIf(map(toString(s.system), toInt64(s.changes_sessions)), s.changes_sessions != 0) AS systems,
    sumMapIf(map(toString(s.country), toInt64(s.changes_sessions)), s.changes_sessions != 0) AS countries
FROM sessions AS s
GROUP BY project_id, identity, bot;

INSERT INTO customers
SELECT
    s.project_id AS project_id, s.identity AS identity, s.bot AS bot, any(s.visitor_id) AS visitor_id,
    any(toString(s.visitor_name)) AS visitor_name, max(s.user_id) AS user_id, max(s.user_id != '') AS named,
    argMaxIfState('', s.started_at, toUInt8(0)) AS known_as, min(s.started_at) AS first_seen, max(s.ended_at) AS last_seen,
    toDateTime64('2299-01-01 00:00:00', 3, 'UTC') AS registered_at, toDateTime64(0, 3, 'UTC') AS signed_in_at,
    toInt64(0) AS reviews, toInt64(count()) AS sessions,
    toInt64(sum(dateDiff('millisecond', s.started_at, s.ended_at))) AS duration_ms,
    sumMap(map(toString(s.device), toInt64(1))) AS devices, sumMap(map(toString(s.browser), toInt64(1))) AS browsers,
    sumMap(map(toString(s.system), toInt64(1))) AS systems, sumMap(map(toString(s.country), toInt64(1))) AS countries
FROM sessions AS s FINAL
GROUP BY project_id, identity, bot;

-- Sessions of each identity by the hour in which they started; `named` when the identity is a user's.
CREATE TABLE IF NOT EXISTS session_hours
(
    project_id UUID,
    hour DateTime('UTC') CODEC(Delta, ZSTD(1)),
    identity UInt64,
    bot LowCardinality(String),
    named Bool,
    sessions Int64
)
ENGINE = SummingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (project_id, hour, identity, bot, named)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS session_hours_from_sessions TO session_hours AS
SELECT
    s.project_id AS project_id,
    toStartOfHour(toDateTime(s.started_at, 'UTC')) AS hour,
    s.identity AS identity,
    s.bot AS bot,
    s.user_id != '' AS named,
    toInt64(sum(s.changes_sessions)) AS sessions
FROM sessions AS s
GROUP BY project_id, hour, identity, bot, named;

INSERT INTO session_hours
SELECT
    s.project_id AS project_id, toStartOfHour(toDateTime(s.started_at, 'UTC')) AS hour, s.identity AS identity,
    s.bot AS bot, s.user_id != '' AS named, toInt64(count()) AS sessions
FROM sessions AS s FINAL
GROUP BY project_id, hour, identity, bot, named;

-- Orders and bookings (enrich/orders.py has the rule). The newest row of an order is the current one, so read it with
-- FINAL. An order that moved to another identity leaves a row marked `gone` under the old one.
CREATE TABLE IF NOT EXISTS orders
(
    project_id UUID,
    identity UInt64,
    kind LowCardinality(String),
    order_id String,
    visitor_id String,
    user_id String,
    session_id UUID,
    placed_at DateTime64(3, 'UTC'),
    amount Decimal(18, 4),
    currency LowCardinality(String),
    refunds Decimal(18, 4),
    stated_refund Decimal(18, 4),
    refunded_whole Bool,
    service String,
    stated_at DateTime64(3, 'UTC'),
    cancelled_at DateTime64(3, 'UTC'),
    named_at DateTime64(3, 'UTC'),
    version UInt64,
    gone Bool,
    counts Bool MATERIALIZED NOT gone AND toUnixTimestamp64Milli(placed_at) > 0 AND (toUnixTimestamp64Milli(cancelled_at) = 0 OR cancelled_at < stated_at),
    refunded Decimal(18, 4) MATERIALIZED if(refunded_whole, amount, greatest(refunds, stated_refund)),
    INDEX order_id order_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project_id, identity, kind, order_id)
SETTINGS non_replicated_deduplication_window = 1000, index_granularity = 1024;

-- Orders in events that were stored before this table existed.
INSERT INTO orders
SELECT
    e.project_id AS project_id,
    argMax(e.identity, (e.user_id != '', e.timestamp)) AS identity,
    e.kind AS kind,
    e.id AS order_id,
    argMax(e.visitor_id, (e.user_id != '', e.timestamp)) AS visitor_id,
    argMax(e.user_id, (e.user_id != '', e.timestamp)) AS user_id,
    argMinIf(e.session_id, e.timestamp, e.what = 'completed') AS session_id,
    minIf(e.timestamp, e.what = 'completed') AS placed_at,
    argMaxIf(e.revenue, e.timestamp, e.what IN ('completed', 'updated')) AS amount,
    argMaxIf(e.currency, e.timestamp, e.what IN ('completed', 'updated')) AS currency,
    sumIf(abs(e.revenue), e.what = 'refunded') AS refunds,
    toDecimal64(0, 4) AS stated_refund,
    countIf(e.what = 'refunded' AND e.revenue = 0) > 0 AS refunded_whole,
    argMaxIf(e.service, e.timestamp, e.service != '') AS service,
    maxIf(e.timestamp, e.what IN ('completed', 'updated')) AS stated_at,
    maxIf(e.timestamp, e.what NOT IN ('completed', 'updated', 'refunded')) AS cancelled_at,
    max(e.timestamp) AS named_at,
    toUInt64(0) AS version,
    false AS gone
FROM
(
    SELECT
        project_id, identity, visitor_id, user_id, session_id, timestamp, revenue, currency,
        lower(extract(name, '^(?i)(order|booking)')) AS kind,
        lower(extract(name, '(?i)(completed|updated|refunded|cancell?ed|deleted)$')) AS what,
        coalesce(toString(properties.order_id), toString(properties.orderId), toString(properties.booking_id),
            toString(properties.bookingId), concat('message ', message_id)) AS id,
        ifNull(toString(properties.service), '') AS service
    FROM events
    WHERE type = 'track' AND match(name, '^(?i)(order|booking)[ _-](completed|updated|refunded|cancell?ed|deleted)$')
) AS e
GROUP BY project_id, kind, order_id;

-- The value of one unit of a currency in the project's own, from a day on; for the project's own currency, and for
-- amounts without a currency, it has always been 1.
CREATE TABLE IF NOT EXISTS rates
(
    project_id UUID,
    currency LowCardinality(String),
    day Date,
    rate Decimal(38, 10),
    updated_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY (project_id, currency, day);

-- The value of an order, less refunds, in its own currency and in the project's. A refund of an unknown order is money
-- given back, too.
CREATE VIEW IF NOT EXISTS orders_valued AS
SELECT
    o.project_id AS project_id, o.identity AS identity, o.kind AS kind, o.order_id AS order_id,
    o.visitor_id AS visitor_id, o.user_id AS user_id, o.placed_at AS placed_at, o.service AS service, o.counts AS counts,
    o.counts OR NOT o.gone AND toUnixTimestamp64Milli(o.placed_at) = 0 AND o.refunded > 0 AS has_money,
    o.amount AS amount, o.refunded AS refunded, o.currency AS currency, o.version AS version,
    o.amount - o.refunded AS paid,
    r.rate > 0 AS converted,
    toDecimal128(toDecimal128(paid, 4) * r.rate, 4) AS value
FROM
(
    SELECT *, counts, refunded, toDate(placed_at) AS day FROM orders FINAL
) AS o
ASOF LEFT JOIN
(
    SELECT project_id, currency, day, rate FROM rates FINAL
) AS r ON o.project_id = r.project_id AND o.currency = r.currency AND o.day >= r.day;

-- Totals of the orders and bookings of each identity, recomputed when one of them changes (store/orders.py). `paid` is
-- by currency and `value` in the project's own, both less refunds; `unconverted` counts orders in currencies without a
-- rate; a `guest` ordered without a user id.
CREATE TABLE IF NOT EXISTS order_totals
(
    project_id UUID,
    identity UInt64,
    guest Bool,
    orders UInt32,
    bookings UInt32,
    paid Map(String, Decimal(38, 4)),
    value Decimal(38, 4),
    unconverted UInt32,
    refunded_orders UInt32,
    first_order DateTime64(3, 'UTC'),
    last_order DateTime64(3, 'UTC'),
    last_order_id String,
    last_amount Decimal(18, 4),
    last_currency LowCardinality(String),
    last_booking DateTime64(3, 'UTC'),
    last_service String,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project_id, identity)
SETTINGS index_granularity = 256, min_compress_block_size = 16384;

-- The same totals, computed from the current state of all orders.
CREATE VIEW IF NOT EXISTS order_totals_now AS
SELECT
    o.project_id AS project_id,
    o.identity AS identity,
    max(o.user_id) = '' AND countIf(o.counts) > 0 AS guest,
    toUInt32(countIf(o.counts AND o.kind = 'order')) AS orders,
    toUInt32(countIf(o.counts AND o.kind = 'booking')) AS bookings,
    sumMapIf(map(toString(o.currency), toDecimal128(o.paid, 4)), o.has_money) AS paid,
    sumIf(o.value, o.has_money) AS value,
    toUInt32(countIf(o.counts AND NOT o.converted)) AS unconverted,
    toUInt32(countIf(o.has_money AND o.refunded > 0)) AS refunded_orders,
    minIf(o.placed_at, o.counts AND o.kind = 'order') AS first_order,
    maxIf(o.placed_at, o.counts AND o.kind = 'order') AS last_order,
    argMaxIf(o.order_id, (o.placed_at, o.order_id), o.counts AND o.kind = 'order') AS last_order_id,
    argMaxIf(o.amount, (o.placed_at, o.order_id), o.counts AND o.kind = 'order') AS last_amount,
    argMaxIf(o.currency, (o.placed_at, o.order_id), o.counts AND o.kind = 'order') AS last_currency,
    maxIf(o.placed_at, o.counts AND o.kind = 'booking') AS last_booking,
    argMaxIf(o.service, (o.placed_at, o.order_id), o.counts AND o.kind = 'booking') AS last_service,
    max(o.version) AS version
FROM orders_valued AS o
GROUP BY project_id, identity;

INSERT INTO order_totals SELECT * FROM order_totals_now;

-- The expected value of each person, and the person's rank among customers; recomputed by a job
-- (operate/customer_scores.py).
CREATE TABLE IF NOT EXISTS customer_scores
(
    project_id UUID,
    identity UInt64,
    active Float64,
    expected_orders Float64,
    expected_low Float64,
    expected_high Float64,
    mean_value Float64,
    mean_low Float64,
    mean_high Float64,
    expected_value Float64,
    recency UInt8,
    frequency UInt8,
    monetary UInt8,
    rfm LowCardinality(String),
    scored_at DateTime64(3, 'UTC'),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project_id, identity)
SETTINGS index_granularity = 256, min_compress_block_size = 16384;

-- Marketing costs, by day and source; a new row replaces the earlier one with the same key.
CREATE TABLE IF NOT EXISTS costs
(
    project_id UUID,
    day Date,
    source String,
    medium String,
    campaign String,
    channel LowCardinality(String),
    cost Decimal(18, 4),
    currency LowCardinality(String),
    clicks UInt64,
    impressions UInt64,
    updated_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY (project_id, day, source, medium, campaign);

-- The members of a watched segment when its watch last ran (operate/watched_segments.py).
CREATE TABLE IF NOT EXISTS watch_members
(
    project_id UUID,
    watch_id UUID,
    identity UInt64,
    inside Bool,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project_id, watch_id, identity);
