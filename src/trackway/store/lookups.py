"""Lookups in the store: a session by its id, the owners of orders, whether a view is stored, the number of events."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from trackway.collect.session_end import Ambiguous, KnownSession
from trackway.enrich.session import family, family_of, is_member_id
from trackway.event import GAP, Arrival, now
from trackway.statements import Statements
from trackway.store.connection import Store

_sql = Statements(__name__)

_DAY_MS = 86_400_000
_NAMED_FOR_MS = 7 * _DAY_MS
"""The period in which a session with a client's name is found without its visitor, in milliseconds."""


def session(store: Store, project_id: bytes, session_id: str, visitor_id: str = "") -> KnownSession | None:
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
    by, bounded = "family", False
    values: dict[str, Any]
    if stated is not None and stated.version == 7:
        at, bounded = stated.int >> 80, True
        by = "id" if is_member_id(stated.bytes) else "family"
        values = {
            "session": stated, "family": family(stated.bytes).hex(),
            "since": at - _DAY_MS, "until": at + _DAY_MS,
        }  # fmt: skip
    elif visitor_id:
        # The hash of a client's name is the end of the session's id, after the time.
        values = {"family": family_of(project_id, visitor_id, session_id).hex()}
    else:
        by = "name"
        values = {"since": now() - _NAMED_FOR_MS, "key": project_id.hex(), "name": session_id}
    rows = store.ask(
        _sql("session", by=by, bounded=bounded, of_visitor=bool(visitor_id)),
        {"project": UUID(bytes=project_id), "visitor": visitor_id, **values},
    ).to_pylist()
    if not rows:
        return None
    newest, at = rows[0], now()
    going_on = {row["visitor_id"] for row in rows if not row["closed"] and at - row["ended"] < GAP}
    if len(going_on) > 1:
        raise Ambiguous(f"{len(going_on)} visitors have a session {session_id!r}; send its anonymous_id as well")
    if going_on:
        newest = next(row for row in rows if row["visitor_id"] in going_on)
    name = session_id if newest["hinted"] else ""
    closed = bool(newest["closed"]) or _taken_over(store, project_id, newest)
    return KnownSession(name, newest["visitor_id"], newest["user_id"], newest["started"], newest["ended"], closed)


def _taken_over(store: Store, project_id: bytes, row: dict[str, Any]) -> bool:
    """Whether another known user began a later session of the same visitor; that change of user ended this session."""
    if not row["user_id"]:
        return False
    later = store.ask(
        _sql("taken_over"),
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
        _sql("owners"),
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
        _sql("has_view"),
        {"project": UUID(bytes=arrival.project_id), "message": message.message_id, "at": message.timestamp},
    )
    return bool(answer["n"][0].as_py())


def event_count(store: Store, project_id: UUID) -> int:
    """Return the number of a project's stored events."""
    answer = store.ask("SELECT count() AS n FROM events WHERE project_id = {p:UUID}", {"p": project_id})
    return int(answer["n"][0].as_py())
