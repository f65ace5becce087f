"""What a late sign-out changes of what is stored: a visitor's events in a stretch of time become another identity's."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from trackway.enrich.identity import Separated
from trackway.store.connection import Store
from trackway.store.orders import restate

STRETCH = "project_id = {project:UUID} AND visitor_id = {visitor:String}"
WITHIN = (
    "{0} > fromUnixTimestamp64Milli({{since:Int64}}, 'UTC') AND {0} <= fromUnixTimestamp64Milli({{until:Int64}}, 'UTC')"
)
# As the view of `person_hours` has it.
_LASTED = (
    "coalesce(toFloat64OrNull(toString(properties.duration_s)), toFloat64OrNull(toString(properties.visible_s)), 0)"
)
_OWN = f"{STRETCH} AND user_id = '' AND identity != {{identity:UInt64}}"
_EVENTS = f"{_OWN} AND {WITHIN.format('timestamp')}"
_SESSIONS = f"{_OWN} AND {WITHIN.format('started_at')}"
# Whoever had it has one less, and the new identity one more.
_BOTH = "ARRAY JOIN [{0}.identity, {{identity:UInt64}}] AS whose, [-1, 1] AS change"
_NEVER = "toDateTime64('2299-01-01 00:00:00', 3, 'UTC')"


def _ones(column: str) -> str:
    return f"sumMap(map(toString(s.{column}), toInt64(change)))"


_COUNTERS = (
    "INSERT INTO activity SELECT e.project_id, toStartOfHour(toDateTime(e.timestamp, 'UTC')) AS hour, whose, "
    "xxh3(e.visitor_id) AS visitor, e.bot AS bot, toInt64(sum(change)) AS n FROM events AS e "
    f"{_BOTH.format('e')} WHERE {_EVENTS} GROUP BY ALL",
    "INSERT INTO person_hours SELECT e.project_id, whose AS identity, "
    "toStartOfHour(toDateTime(e.timestamp, 'UTC')) AS hour, e.name AS name, e.bot AS bot, "
    "toInt64(sum(change)) AS n, sum(change * e.lasted_s) AS duration_s FROM "
    f"(SELECT project_id, timestamp, name, bot, identity, {_LASTED} AS lasted_s FROM events WHERE {_EVENTS}) AS e "
    f"{_BOTH.format('e')} GROUP BY ALL",
    "INSERT INTO session_hours SELECT s.project_id, toStartOfHour(toDateTime(s.started_at, 'UTC')) AS hour, "
    "whose AS identity, s.bot AS bot, false AS named, toInt64(sum(change)) AS sessions "
    f"FROM (SELECT * FROM sessions FINAL WHERE {_SESSIONS}) AS s {_BOTH.format('s')} GROUP BY ALL",
    "INSERT INTO customers SELECT s.project_id AS project_id, whose AS identity, s.bot AS bot, "
    "any(s.visitor_id) AS visitor_id, any(toString(s.visitor_name)) AS visitor_name, '' AS user_id, false AS named, "
    "argMaxIfState('', s.started_at, toUInt8(0)) AS known_as, min(s.started_at) AS first_seen, "
    f"max(s.ended_at) AS last_seen, {_NEVER} AS registered_at, "
    "toDateTime64(0, 3, 'UTC') AS signed_in_at, toInt64(0) AS reviews, toInt64(sum(change)) AS sessions, "
    "toInt64(sum(change * dateDiff('millisecond', s.started_at, s.ended_at))) AS duration_ms, "
    f"{_ones('device')} AS devices, {_ones('browser')} AS browsers, {_ones('system')} AS systems, "
    f"{_ones('country')} AS countries "
    f"FROM (SELECT * FROM sessions FINAL WHERE {_SESSIONS}) AS s {_BOTH.format('s')} GROUP BY project_id, whose, bot",
)


def separate(store: Store, one: Separated) -> None:
    """Give stored events another identity, and with them their sessions, orders, counters and claims.

    Doing it again changes nothing, so it needs no record: after a crash the same late sign-out comes again.
    """
    values = stretch(one)
    update = f"UPDATE identity = {{identity:UInt64}} WHERE {_OWN}"
    once = f"SETTINGS insert_deduplication_token = 'separate-{int(one.identity)}', insert_deduplicate = 1"
    # At once, and not with the batch: were the batch lost, nobody else may get this number.
    store.command("INSERT INTO identities (token, number) VALUES ({token:UInt64}, {identity:UInt64})", values)
    for statement in _COUNTERS:
        store.command(f"{statement} {once}", values)
    _move_orders(store, values)
    for statement in (
        f"ALTER TABLE events {update} AND {WITHIN.format('timestamp')} SETTINGS mutations_sync = 1",
        f"ALTER TABLE sessions {update} AND {WITHIN.format('started_at')} SETTINGS mutations_sync = 1",
        f"ALTER TABLE claims DELETE WHERE {STRETCH} AND identity != {{identity:UInt64}} "
        f"AND {WITHIN.format('at')} SETTINGS mutations_sync = 1",
    ):
        store.command(statement, values)
    store.persons.stale()


def _move_orders(store: Store, values: dict[str, Any]) -> None:
    """Orders that named no user, told of in the stretch: a row under the new identity, and one that it is gone here."""
    own = f"{_OWN} AND NOT gone AND {WITHIN.format('named_at')}"
    moved = store.ask(f"SELECT DISTINCT identity FROM orders FINAL WHERE {own}", values)["identity"].to_pylist()
    if not moved:
        return
    columns = "* REPLACE (whose AS identity, version + 1 AS version, leaves AS gone)"
    store.command(
        f"INSERT INTO orders SELECT {columns} EXCEPT (whose, leaves) "
        f"FROM (SELECT * FROM orders FINAL WHERE {own}) AS o "
        "ARRAY JOIN [o.identity, {identity:UInt64}] AS whose, [true, false] AS leaves",
        values,
    )
    restate(store, values["project"], [*moved, values["identity"]])


def stretch(one: Separated) -> dict[str, Any]:
    """The values that name a visitor's stretch of time, for `STRETCH` and `WITHIN`."""
    return {
        "project": UUID(bytes=one.visitor[0]),
        "visitor": one.visitor[1],
        "since": one.since,
        "until": one.until,
        "token": one.token,
        "identity": one.identity,
    }
