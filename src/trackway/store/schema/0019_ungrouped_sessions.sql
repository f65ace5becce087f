-- A block has nearly as many sessions as identities, and sums of maps are the dearest of all aggregates: each session is
-- a row, which merges add up. Rows of sessions that have grown change no counter of devices, nor one of `session_hours`.
DROP VIEW IF EXISTS customers_from_sessions;

CREATE MATERIALIZED VIEW customers_from_sessions TO customers AS
WITH CAST(map(), 'Map(String, Int64)') AS none
SELECT
    s.project_id AS project_id,
    s.identity AS identity,
    s.bot AS bot,
    s.visitor_id AS visitor_id,
    toString(s.visitor_name) AS visitor_name,
    s.user_id AS user_id,
    s.user_id != '' AS named,
    initializeAggregation('argMaxIfState', '', s.started_at, toUInt8(0)) AS known_as,
    s.started_at AS first_seen,
    s.ended_at AS last_seen,
    toDateTime64('2299-01-01 00:00:00', 3, 'UTC') AS registered_at,
    toDateTime64(0, 3, 'UTC') AS signed_in_at,
    toInt64(0) AS reviews,
    toInt64(s.changes_sessions) AS sessions,
    toInt64(s.changes_duration_ms) AS duration_ms,
    if(s.changes_sessions != 0, map(toString(s.device), sessions), none) AS devices,
    if(s.changes_sessions != 0, map(toString(s.browser), sessions), none) AS browsers,
    if(s.changes_sessions != 0, map(toString(s.system), sessions), none) AS systems,
    if(s.changes_sessions != 0, map(toString(s.country), sessions), none) AS countries,
    (s.visitor_id, toString(s.visitor_name)) AS shown
FROM sessions AS s;

DROP VIEW IF EXISTS session_hours_from_sessions;

CREATE MATERIALIZED VIEW session_hours_from_sessions TO session_hours AS
SELECT
    s.project_id AS project_id,
    toStartOfHour(toDateTime(s.started_at, 'UTC')) AS hour,
    s.identity AS identity,
    s.bot AS bot,
    s.user_id != '' AS named,
    toInt64(sum(s.changes_sessions)) AS sessions
FROM sessions AS s
WHERE s.changes_sessions != 0
GROUP BY project_id, hour, identity, bot, named;
