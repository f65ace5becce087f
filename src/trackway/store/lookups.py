"""Lookups in the store: a session by its id, the owners of orders, and whether a view is stored."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from trackway.collect.session_end import Ambiguous, Known
from trackway.enrich.session import family, family_of, is_member_id
from trackway.event import GAP, Arrival, now
from trackway.store.connection import Store

_DAY_MS = 86_400_000
_ALIKE = "hex(substring(UUIDToNum(session_id), 10)) = upper({family:String})"
_NAMED_FOR_MS = 7 * _DAY_MS
"""The period in which a session with a client's name is found without its visitor, in milliseconds."""


def session(store: Store, project_id: bytes, session_id: str, visitor_id: str = "") -> Known | None:
    """Return a session by its id or by its client's name for it; None when there is none (of this visitor).

    Ids are UUIDv7, which begin with a time; a session starts within a day of it. Any other name is hashed with the
    visitor (`family_of`); without the visitor, it is searched in the sessions of the last seven days. When sessions of
    several users have the same name (`family`), the newest is returned.

    Raises:
        Ambiguous: unfinished sessions of several visitors have the name.
    """
    try:
        stated = UUID(session_id)
    except ValueError:
        stated = None
    if stated is not None and stated.version == 7:
        at = stated.int >> 80
        condition, values = (
            f"{'session_id = {session:UUID}' if is_member_id(stated.bytes) else _ALIKE} AND started_at BETWEEN "
            "fromUnixTimestamp64Milli({since:Int64}) AND fromUnixTimestamp64Milli({until:Int64})",
            {
                "session": stated, "family": family(stated.bytes).hex(),
                "since": at - _DAY_MS, "until": at + _DAY_MS,
            },
        )  # fmt: skip
    elif visitor_id:
        # The hash of a client's name is the end of the session's id, behind the time.
        condition = _ALIKE
        values = {"family": family_of(project_id, visitor_id, session_id).hex()}
    else:
        # The visitor is unknown, so the engine hashes the name with each visitor.
        condition, values = (
            "hinted AND started_at >= fromUnixTimestamp64Milli({since:Int64}) AND "
            "right(hex(xxh3_128(concat(unhex({key:String}), visitor_id, char(0), {name:String}))), 14) "
            "= hex(substring(UUIDToNum(session_id), 10))",
            {"since": now() - _NAMED_FOR_MS, "key": project_id.hex(), "name": session_id},
        )
    own = " AND visitor_id = {visitor:String}" if visitor_id else ""
    rows = store.ask(
        "SELECT session_id, visitor_id, user_id, hinted, closed, toUnixTimestamp64Milli(started_at) AS started, "
        "toUnixTimestamp64Milli(ended_at) AS ended FROM sessions FINAL "
        f"WHERE project_id = {{project:UUID}} AND {condition}{own} ORDER BY ended DESC LIMIT 100",
        {"project": UUID(bytes=project_id), "visitor": visitor_id, **values},
    ).to_pylist()
    if not rows:
        return None
    row, at = rows[0], now()
    going_on = {one["visitor_id"] for one in rows if not one["closed"] and at - one["ended"] < GAP}
    if len(going_on) > 1:
        raise Ambiguous(f"{len(going_on)} visitors have a session {session_id!r}; send its anonymous_id as well")
    if going_on:
        row = next(one for one in rows if one["visitor_id"] in going_on)
    name = session_id if row["hinted"] else ""
    closed = bool(row["closed"]) or _taken_over(store, project_id, row)
    return Known(name, row["visitor_id"], row["user_id"], row["started"], row["ended"], closed)


def _taken_over(store: Store, project_id: bytes, row: dict[str, Any]) -> bool:
    """Whether another known user began a later session of the same visitor; that change of user ended this session."""
    if not row["user_id"]:
        return False
    later = store.ask(
        "SELECT count() AS n FROM sessions FINAL WHERE project_id = {project:UUID} AND visitor_id = {visitor:String} "
        "AND started_at >= fromUnixTimestamp64Milli({ended:Int64}) AND user_id NOT IN ('', {user:String})",
        {
            "project": UUID(bytes=project_id),
            "visitor": row["visitor_id"],
            "ended": row["ended"],
            "user": row["user_id"],
        },
    )
    return bool(later["n"][0].as_py())


def owners(store: Store, project_id: UUID, kind: str, ids: list[str]) -> dict[str, tuple[str, str]]:
    """Return the user and the visitor of each of these orders that is stored; either may be empty."""
    rows = store.ask(
        "SELECT order_id, argMax(user_id, version) AS user_id, argMax(visitor_id, version) AS visitor_id FROM orders "
        "WHERE project_id = {project:UUID} AND kind = {kind:String} AND order_id IN {ids:Array(String)} AND NOT gone "
        "GROUP BY order_id",
        {"project": project_id, "kind": kind, "ids": ids},
    ).to_pylist()
    return {
        row["order_id"]: (row["user_id"], "" if row["visitor_id"].startswith("user:") else row["visitor_id"])
        for row in rows
    }


def has_view(store: Store, arrival: Arrival) -> bool:
    """Return whether the view of an arrival that holds one message is stored."""
    [message] = arrival.messages
    answer = store.ask(
        "SELECT count() AS n FROM events WHERE project_id = {project:UUID} AND name = 'view' "
        "AND message_id = {message:String} AND timestamp = fromUnixTimestamp64Milli({at:Int64})",
        {"project": UUID(bytes=arrival.project_id), "message": message.message_id, "at": message.timestamp},
    )
    return bool(answer["n"][0].as_py())
