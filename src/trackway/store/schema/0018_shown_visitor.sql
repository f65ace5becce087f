-- The visitor by whom a customer without a name is shown was the one that came last in the order in which rows were
-- merged. It is the greatest id now, with its name, whatever the order. Earlier rows keep the visitor that they have.
ALTER TABLE customers
    ADD COLUMN IF NOT EXISTS shown SimpleAggregateFunction(max, Tuple(String, String)) DEFAULT (visitor_id, visitor_name);

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
        if(type = 'identify', ifNull(parseDateTime64BestEffortOrNull(
            coalesce(properties.createdAt.:String, properties.created_at.:String), 3, 'UTC'), never), never) AS created_at
    FROM events
) AS e
WHERE e.user_id != '' OR e.registers OR e.reviewed
GROUP BY project_id, identity, bot;

DROP VIEW IF EXISTS customers_from_sessions;

CREATE MATERIALIZED VIEW customers_from_sessions TO customers AS
SELECT
    s.project_id AS project_id,
    s.identity AS identity,
    s.bot AS bot,
    max(s.visitor_id) AS visitor_id,
    max(toString(s.visitor_name)) AS visitor_name,
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
    sumMapIf(map(toString(s.country), toInt64(s.changes_sessions)), s.changes_sessions != 0) AS countries,
    max((s.visitor_id, toString(s.visitor_name))) AS shown
FROM sessions AS s
GROUP BY project_id, identity, bot;
