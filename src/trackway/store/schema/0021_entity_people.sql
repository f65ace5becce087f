-- Who did something with an entity, so that people with the same entities are found without reading all actions. `place`
-- puts the people of each entity in one order that says nothing about them: the first ones are a fair sample, and the
-- same people come first with every entity. It is a list of candidates: what they did is read from `actions`, which
-- corrects itself, so rows of identities that have no actions any more do no harm, nor do repeated ones.
CREATE TABLE IF NOT EXISTS entity_people
(
    project_id UUID,
    entity_type LowCardinality(String),
    entity_id String,
    place UInt32,
    identity UInt64,
    bot LowCardinality(String),
    last_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
ORDER BY (project_id, entity_type, entity_id, place, identity, bot)
SETTINGS non_replicated_deduplication_window = 1000, index_granularity = 1024;

-- By way of `actions`, so that a corrected identity is listed too.
CREATE MATERIALIZED VIEW IF NOT EXISTS entity_people_from_events TO entity_people AS
SELECT
    a.project_id AS project_id,
    a.entity_type AS entity_type,
    a.entity_id AS entity_id,
    intHash32(a.identity) AS place,
    a.identity AS identity,
    a.bot AS bot,
    a.timestamp AS last_at
FROM actions AS a
WHERE a.entity_id != '' AND a.actions > 0;

FILL entity_people;

-- Whose events arrived lately is asked again and again, to renew what is known of them (personalize/arrivals.py).
ALTER TABLE events ADD INDEX IF NOT EXISTS arrived received_at TYPE minmax GRANULARITY 1;

ALTER TABLE events MATERIALIZE INDEX arrived;

-- The time zone that the client named (context.timezone): of each action, so that a person's newest is at hand.
ALTER TABLE events ADD COLUMN IF NOT EXISTS timezone LowCardinality(String) AFTER language;

ALTER TABLE actions ADD COLUMN IF NOT EXISTS timezone LowCardinality(String);

DROP VIEW IF EXISTS actions_from_events;

CREATE MATERIALIZED VIEW actions_from_events TO actions AS
SELECT
    e.project_id AS project_id,
    e.identity AS identity,
    e.timestamp AS timestamp,
    e.name AS name,
    e.entity_type AS entity_type,
    e.entity_id AS entity_id,
    e.bot AS bot,
    toInt64(count()) AS actions,
    sum(e.lasted_s) AS duration_s,
    max(e.timezone) AS timezone
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
