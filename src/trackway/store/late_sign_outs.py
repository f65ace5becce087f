"""The effect of late sign-outs on stored rows: a visitor's events in a stretch of time get another identity."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pyarrow as pa

from trackway.enrich.identity import Separated, Visitor
from trackway.event import Millis
from trackway.store.connection import Store
from trackway.store.moved_events import rewrite, whole

_WHOLE = whole("late_sign_outs")


def _new(at: str) -> str:
    """Return an expression for the new identity of a row at this time, or 0."""
    since, until, identity = (
        f"joinGet('late_sign_outs', '{column}', concat(toString(project_id), visitor_id))"
        for column in ("since", "until", "identity")
    )
    within = f"toUnixTimestamp64Milli({at}) > since_ AND toUnixTimestamp64Milli({at}) <= until_"
    return f"arraySum((since_, until_, identity_) -> if({within}, identity_, 0), {since}, {until}, {identity})"


def _visitors(at: str) -> str:
    """Return a condition for rows of these visitors that may have to change."""
    return (
        f"{_WHOLE} AND project_id IN (SELECT project_id FROM late_sign_outs) "
        "AND (project_id, visitor_id) IN (SELECT project_id, visitor_id FROM late_sign_outs) "
        f"AND {at} > (SELECT fromUnixTimestamp64Milli(min(arrayMin(since)), 'UTC') FROM late_sign_outs)"
    )


def _changes(at: str) -> str:
    """Return a condition for rows whose identity has to change."""
    return f"{_visitors(at)} AND {_new(at)} != 0 AND {_new(at)} != identity"


def _own(at: str) -> str:
    """Return a condition for rows whose identity has to change and that name no user."""
    return f"{_changes(at)} AND user_id = ''"


# The same expression as in the view of `person_hours`.
_SAID = "coalesce(toFloat64OrNull(toString(properties.duration_s)), toFloat64OrNull(toString(properties.visible_s)), 0)"
_LASTED = f"{_SAID} AS said_s, if(said_s BETWEEN 0 AND 1e9, said_s, 0)"
_EVENTS = (
    f"(SELECT project_id, visitor_id, timestamp, name, bot, identity, {_new('timestamp')} AS new, "
    f"{_LASTED} AS lasted_s FROM events WHERE {_own('timestamp')}) AS e"
)
_SESSIONS = f"(SELECT *, {_new('started_at')} AS new FROM sessions FINAL WHERE {_own('started_at')}) AS s"
_ORDERS = f"(SELECT *, {_new('named_at')} AS new FROM orders FINAL WHERE {_own('named_at')} AND NOT gone) AS o"
# The old identity counts one less, and the new identity counts one more.
_BOTH = "ARRAY JOIN [{0}.identity, {0}.new] AS whose, [-1, 1] AS change"
_NEVER = "toDateTime64('2299-01-01 00:00:00', 3, 'UTC')"


def _ones(column: str) -> str:
    return f"sumMap(map(toString(s.{column}), toInt64(change)))"


_COUNTERS = (
    "INSERT INTO activity SELECT e.project_id, toStartOfHour(toDateTime(e.timestamp, 'UTC')) AS hour, whose, "
    "xxh3(e.visitor_id) AS visitor, e.bot AS bot, toInt64(sum(change)) AS n "
    f"FROM {_EVENTS} {_BOTH.format('e')} GROUP BY ALL",
    "INSERT INTO person_hours SELECT e.project_id, whose AS identity, "
    "toStartOfHour(toDateTime(e.timestamp, 'UTC')) AS hour, e.name AS name, e.bot AS bot, "
    "toInt64(sum(change)) AS n, sum(change * e.lasted_s) AS duration_s "
    f"FROM {_EVENTS} {_BOTH.format('e')} GROUP BY ALL",
    "INSERT INTO session_hours SELECT s.project_id, toStartOfHour(toDateTime(s.started_at, 'UTC')) AS hour, "
    "whose AS identity, s.bot AS bot, false AS named, toInt64(sum(change)) AS sessions "
    f"FROM {_SESSIONS} {_BOTH.format('s')} GROUP BY ALL",
    "INSERT INTO customers SELECT s.project_id AS project_id, whose AS identity, s.bot AS bot, "
    "any(s.visitor_id) AS visitor_id, any(toString(s.visitor_name)) AS visitor_name, '' AS user_id, false AS named, "
    "argMaxIfState('', s.started_at, toUInt8(0)) AS known_as, min(s.started_at) AS first_seen, "
    f"max(s.ended_at) AS last_seen, {_NEVER} AS registered_at, "
    "toDateTime64(0, 3, 'UTC') AS signed_in_at, toInt64(0) AS reviews, toInt64(sum(change)) AS sessions, "
    "toInt64(sum(change * dateDiff('millisecond', s.started_at, s.ended_at))) AS duration_ms, "
    f"{_ones('device')} AS devices, {_ones('browser')} AS browsers, {_ones('system')} AS systems, "
    f"{_ones('country')} AS countries "
    f"FROM {_SESSIONS} {_BOTH.format('s')} GROUP BY project_id, whose, bot",
)
# Orders that named no user: one row under the new identity, and one under the old that marks the order as gone.
_MOVE_ORDERS = (
    "INSERT INTO orders SELECT * REPLACE (whose AS identity, version + 1 AS version, leaves AS gone) "
    f"EXCEPT (new, whose, leaves) FROM {_ORDERS} ARRAY JOIN [o.identity, o.new] AS whose, [true, false] AS leaves"
)
_RESTATE_ORDERS = (
    "INSERT INTO order_totals SELECT * FROM order_totals_now WHERE project_id IN "
    "(SELECT project_id FROM late_sign_outs) AND identity IN "
    f"(SELECT identity FROM orders WHERE {_visitors('named_at')})"
)
_UPDATES = (
    f"UPDATE events SET identity = {_new('timestamp')} WHERE {_own('timestamp')}",
    f"UPDATE sessions SET identity = {_new('started_at')} WHERE {_own('started_at')}",
)
_CLAIMS = _changes("at")


def separate(store: Store, separated: list[Separated], token: str) -> None:
    """Give stored events other identities, and change their sessions, orders, counters and claims accordingly.

    Repeating it with the same token, after it was done wholly or in part, changes nothing. The number of statements
    does not depend on the number of visitors.

    Raises:
        QuestionFailed: the engine refused one of them; nothing is lost, do it again.
    """
    if not separated:
        return
    values = rewrite(store, "late_sign_outs", _rows(separated), token)
    once = f"SETTINGS insert_deduplication_token = 'separate-{token}', insert_deduplicate = 1"
    for statement in _COUNTERS:
        store.command(f"{statement} {once}", values)
    for statement in (_MOVE_ORDERS, _RESTATE_ORDERS, *_UPDATES):
        store.command(statement, values)
    _drop_claims(store, values)
    store.persons.stale()


def _drop_claims(store: Store, values: dict[str, int]) -> None:
    """Delete claims of the old identity. The table is small, and its engine has no lightweight updates."""
    found = store.ask(f"SELECT currentDatabase() AS place FROM claims WHERE {_CLAIMS} LIMIT 1", values)
    for place in found["place"].to_pylist():
        # A mutation runs without a current database, and must not fail for ever when it is resumed after a restart.
        where = _CLAIMS.replace("'late_sign_outs'", f"'{place}.late_sign_outs'").removeprefix(f"{_WHOLE} AND ")
        store.command(f"ALTER TABLE claims DELETE WHERE {where} SETTINGS mutations_sync = 1")


def _rows(separated: Sequence[Separated]) -> pa.Table:
    """Return one row for each visitor, because the table keeps one row for each key."""
    stretches: dict[Visitor, list[tuple[Millis, Millis, int]]] = {}
    for one in separated:
        stretches.setdefault(one.visitor, []).append((one.since, one.until, one.identity))
    return pa.table(
        {
            "key": pa.array([f"{UUID(bytes=project_id)}{visitor_id}" for project_id, visitor_id in stretches]),
            "project_id": pa.array([project_id for project_id, _ in stretches], pa.binary(16)),
            "visitor_id": pa.array([visitor_id for _, visitor_id in stretches], pa.string()),
            "since": pa.array([[since for since, _, _ in own] for own in stretches.values()], pa.list_(pa.int64())),
            "until": pa.array([[until for _, until, _ in own] for own in stretches.values()], pa.list_(pa.int64())),
            "identity": pa.array([[new for _, _, new in own] for own in stretches.values()], pa.list_(pa.uint64())),
        }
    )
