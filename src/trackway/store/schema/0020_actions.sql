-- The actions of each identity, in their order: pages, screens and tracks that somebody did (enrich/session.py has the
-- rule). One person's rows lie together, so that their profile is a few small reads. An action whose identity changes
-- counts one less there. The duration is the same expression as in the view of `person_hours`.
CREATE TABLE IF NOT EXISTS actions
(
    project_id UUID,
    identity UInt64,
    timestamp DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    name LowCardinality(String),
    entity_type LowCardinality(String),
    entity_id String,
    bot LowCardinality(String),
    actions Int64,
    duration_s Float64
)
ENGINE = SummingMergeTree
PARTITION BY toYYYYMM(timestamp)
ORDER BY (project_id, identity, timestamp, name, entity_type, entity_id, bot)
SETTINGS non_replicated_deduplication_window = 1000, index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS actions_from_events TO actions AS
SELECT
    e.project_id AS project_id,
    e.identity AS identity,
    e.timestamp AS timestamp,
    e.name AS name,
    e.entity_type AS entity_type,
    e.entity_id AS entity_id,
    e.bot AS bot,
    toInt64(count()) AS actions,
    sum(e.lasted_s) AS duration_s
FROM
(
    SELECT
        *,
        coalesce(toFloat64OrNull(toString(properties.duration_s)), toFloat64OrNull(toString(properties.visible_s)), 0) AS said_s,
        if(said_s BETWEEN 0 AND 1e9, said_s, 0) AS lasted_s
    FROM events
) AS e
WHERE e.type IN ('page', 'screen', 'track')
  AND e.name NOT IN ('impression', 'engagement', 'time_in_view', 'scroll', 'web_vital', 'error', 'messages_dropped', 'Session Ended')
GROUP BY project_id, identity, timestamp, name, entity_type, entity_id, bot;

FILL actions;
