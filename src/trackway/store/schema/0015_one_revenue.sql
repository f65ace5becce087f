-- One revenue everywhere. An order stores the event that stands for it in questions about columns of events (with its
-- session and entity), and the time of the first refund of an order that was never completed (enrich/orders.py).
ALTER TABLE orders
    ADD COLUMN IF NOT EXISTS told_by UUID,
    ADD COLUMN IF NOT EXISTS entity_type LowCardinality(String),
    ADD COLUMN IF NOT EXISTS entity_id String,
    ADD COLUMN IF NOT EXISTS refunded_at DateTime64(3, 'UTC'),
    ADD COLUMN IF NOT EXISTS priced_at DateTime64(3, 'UTC');

-- `has_money`: whether the order has a value; `at`: the time at which it counts; `paid`: its value, less refunds.
ALTER TABLE orders
    ADD COLUMN IF NOT EXISTS has_money Bool ALIAS counts OR NOT gone AND toUnixTimestamp64Milli(placed_at) = 0 AND refunded > 0,
    ADD COLUMN IF NOT EXISTS at DateTime64(3, 'UTC') ALIAS if(toUnixTimestamp64Milli(placed_at) > 0, placed_at, refunded_at),
    ADD COLUMN IF NOT EXISTS stated Decimal(18, 4) ALIAS if(toUnixTimestamp64Milli(placed_at) > 0, amount, 0),
    ADD COLUMN IF NOT EXISTS paid Decimal(38, 4) ALIAS toDecimal128(stated, 4) - refunded;

ALTER TABLE orders ADD INDEX IF NOT EXISTS visitor visitor_id TYPE bloom_filter(0.01) GRANULARITY 1;

-- Orders in events that were stored before this migration.
INSERT INTO orders
SELECT o.* REPLACE
(
    if(e.completed > 0, e.told_by, e.refunded_by) AS told_by,
    if(e.completed > 0, e.entity.1, e.refunded_entity.1) AS entity_type,
    if(e.completed > 0, e.entity.2, e.refunded_entity.2) AS entity_id,
    e.refunded_at AS refunded_at,
    o.stated_at AS priced_at,
    o.version + 1 AS version
)
FROM (SELECT * FROM orders FINAL) AS o
INNER JOIN
(
    SELECT
        project_id, kind, order_id, countIf(what = 'completed') AS completed,
        argMinIf(event_id, (no_session, event_id), what = 'completed') AS told_by,
        argMinIf(of, (no_session, event_id), what = 'completed') AS entity,
        argMinIf(event_id, event_id, what = 'refunded') AS refunded_by,
        argMinIf(of, event_id, what = 'refunded') AS refunded_entity,
        minIf(timestamp, what = 'refunded') AS refunded_at
    FROM
    (
        SELECT
            project_id, event_id, timestamp, (entity_type, entity_id) AS of,
            session_id = toUUID('00000000-0000-0000-0000-000000000000') AS no_session,
            lower(extract(name, '^(?i)(order|booking)')) AS kind,
            lower(extract(name, '(?i)(completed|refunded)$')) AS what,
            leftUTF8(coalesce(nullIf(toString(properties.order_id), ''), nullIf(toString(properties.orderId), ''),
                nullIf(toString(properties.booking_id), ''), nullIf(toString(properties.bookingId), ''),
                concat('message ', message_id)), 255) AS order_id
        FROM events
        WHERE type = 'track' AND match(name, '^(?i)(order|booking)[ _-](completed|refunded)$')
    )
    GROUP BY project_id, kind, order_id
) AS e ON o.project_id = e.project_id AND o.kind = e.kind AND o.order_id = e.order_id;

-- The value of an order, less refunds, in its own currency and in the project's. A refund of an unknown order is money
-- given back, too.
DROP VIEW IF EXISTS orders_valued;

CREATE VIEW orders_valued AS
SELECT
    o.project_id AS project_id, o.identity AS identity, o.kind AS kind, o.order_id AS order_id,
    o.visitor_id AS visitor_id, o.user_id AS user_id, o.placed_at AS placed_at, o.at AS at, o.service AS service,
    o.counts AS counts, o.has_money AS has_money, o.told_by AS told_by, o.entity_type AS entity_type, o.entity_id AS entity_id,
    o.stated AS amount, o.refunded AS refunded, o.currency AS currency, o.version AS version, o.paid AS paid,
    r.rate > 0 AS converted,
    toDecimal128(o.paid * r.rate, 4) AS value
FROM
(
    SELECT *, counts, refunded, has_money, at, stated, paid, toDate(at) AS day FROM orders FINAL
) AS o
ASOF LEFT JOIN
(
    SELECT project_id, currency, day, rate FROM rates FINAL
) AS r ON o.project_id = r.project_id AND o.currency = r.currency AND o.day >= r.day;

-- Totals of orders by identity, from their current state. A person who got money back and named no user is a guest,
-- too.
DROP VIEW IF EXISTS order_totals_now;

CREATE VIEW order_totals_now AS
SELECT
    o.project_id AS project_id,
    o.identity AS identity,
    max(o.user_id) = '' AND countIf(o.has_money) > 0 AS guest,
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
