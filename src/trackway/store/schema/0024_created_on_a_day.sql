-- The trait `createdAt` counts as the registration also when it is a day without a time, which the column of properties
-- keeps as a date, or a Unix time. Until now only a text was read.
DROP VIEW IF EXISTS customers_from_events;

CREATE MATERIALIZED VIEW customers_from_events TO customers AS
SELECT
    e.project_id AS project_id,
    e.identity AS identity,
    e.bot AS bot,
    max(e.visitor_id) AS visitor_id,
    max(toString(e.visitor_name)) AS visitor_name,
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
    CAST(map(), 'Map(String, Int64)') AS countries,
    max((e.visitor_id, toString(e.visitor_name))) AS shown
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
        if(type = 'identify', ifNull(parseDateTime64BestEffortOrNull(coalesce(
            nullIf(toString(properties.createdAt), ''), toString(properties.created_at)), 3, 'UTC'), never), never) AS created_at
    FROM events
) AS e
WHERE e.user_id != '' OR e.registers OR e.reviewed
GROUP BY project_id, identity, bot;

-- Registrations in messages that were stored before this migration; the other columns have values that change nothing.
INSERT INTO customers
SELECT
    e.project_id, e.identity, e.bot, e.visitor_id, toString(e.visitor_name), e.user_id, true AS named,
    argMaxIfState('', e.timestamp, toUInt8(0)) AS known_as, e.timestamp AS first_seen, e.timestamp AS last_seen,
    e.created_at AS registered_at, toDateTime64(0, 3, 'UTC') AS signed_in_at, toInt64(0) AS reviews, toInt64(0) AS sessions,
    toInt64(0) AS duration_ms, CAST(map(), 'Map(String, Int64)') AS devices, CAST(map(), 'Map(String, Int64)') AS browsers,
    CAST(map(), 'Map(String, Int64)') AS systems, CAST(map(), 'Map(String, Int64)') AS countries,
    (e.visitor_id, toString(e.visitor_name)) AS shown
FROM
(
    SELECT
        *,
        assumeNotNull(parseDateTime64BestEffortOrNull(coalesce(
            nullIf(toString(properties.createdAt), ''), toString(properties.created_at)), 3, 'UTC') AS stated) AS created_at
    FROM events
    WHERE name = 'identify' AND type = 'identify' AND user_id != '' AND stated IS NOT NULL
      AND (dynamicType(properties.createdAt) NOT IN ('None', 'String') OR dynamicType(properties.created_at) NOT IN ('None', 'String'))
) AS e
GROUP BY ALL;

-- When an entity was registered first: a register that is sent again each night is not new each morning. Of entities that
-- were registered before this migration, the time of their newest version.
ALTER TABLE entities ADD COLUMN IF NOT EXISTS added_at DateTime64(3, 'UTC') DEFAULT updated_at;
