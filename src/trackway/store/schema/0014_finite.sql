-- The engine reads texts such as "nan" or "inf" as numbers, and one of them would spoil the sum of its hour for ever. A
-- duration below 0 or above a billion seconds, and such a rating, counts as 0. Sums that are already spoiled are
-- recomputed by `trackway aggregate`.
DROP VIEW IF EXISTS interaction_hours_from_events;

CREATE MATERIALIZED VIEW interaction_hours_from_events TO interaction_hours AS
SELECT
    e.project_id AS project_id,
    e.entity_type AS entity_type,
    e.entity_id AS entity_id,
    toStartOfHour(toDateTime(e.timestamp, 'UTC')) AS hour,
    e.name AS name,
    toUInt8(e.lasted_s > 30) + toUInt8(e.lasted_s > 60) + toUInt8(e.lasted_s > 120) AS lasted,
    e.bot AS bot,
    count() AS events,
    sum(e.lasted_s) AS duration_s,
    countIf(e.rated > 0) AS ratings,
    sumIf(e.rated, e.rated > 0) AS rating,
    uniqExactState(xxh3(e.visitor_id)) AS visitors
FROM
(
    SELECT
        *,
        coalesce(toFloat64OrNull(toString(properties.duration_s)), toFloat64OrNull(toString(properties.visible_s)), 0) AS said_s,
        ifNull(toFloat64OrNull(toString(properties.rating)), 0) AS said_rating,
        if(said_s BETWEEN 0 AND 1e9, said_s, 0) AS lasted_s,
        if(said_rating BETWEEN 0 AND 1e9, said_rating, 0) AS rated
    FROM events
) AS e
WHERE e.entity_id != ''
GROUP BY project_id, entity_type, entity_id, hour, name, lasted, bot;

DROP VIEW IF EXISTS person_hours_from_events;

CREATE MATERIALIZED VIEW person_hours_from_events TO person_hours AS
SELECT
    e.project_id AS project_id,
    e.identity AS identity,
    toStartOfHour(toDateTime(e.timestamp, 'UTC')) AS hour,
    e.name AS name,
    e.bot AS bot,
    toInt64(count()) AS events,
    sum(e.lasted_s) AS duration_s
FROM
(
    SELECT
        *,
        coalesce(toFloat64OrNull(toString(properties.duration_s)), toFloat64OrNull(toString(properties.visible_s)), 0) AS said_s,
        if(said_s BETWEEN 0 AND 1e9, said_s, 0) AS lasted_s
    FROM events
) AS e
GROUP BY project_id, identity, hour, name, bot;
