"""Stored history: sessions, events, orders and identities that the sessionizer and identity resolution read back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pyarrow as pa

from trackway.enrich.identity import Separated, Visitor
from trackway.enrich.orders import Key, Order
from trackway.enrich.session import Session
from trackway.enrich.sessionizer import KEEP
from trackway.event import Event, Millis
from trackway.store.connection import Store
from trackway.store.lists import listed, write_list

SESSIONS = ", ".join(
    f"toUnixTimestamp64Milli({name}) AS {name}_" if name.endswith("_at") else name for name in Session.__struct_fields__
)
"""The columns from which `objects` builds sessions."""
EVENTS = ", ".join(
    f"toUnixTimestamp64Milli({name}) AS {name}_"
    if name in ("timestamp", "received_at")
    else "toJSONString(properties) AS properties_"
    if name == "properties"
    else name
    for name in Event.__struct_fields__
)
"""The columns from which `objects` builds events."""

_ORDERS = ", ".join(
    f"toUnixTimestamp64Milli({name}) AS {name}_" if name.endswith("_at") else name for name in Order.__struct_fields__
)

_PAIRS = listed("project_id", "visitor_id")
_OF_VISITORS, _OF_PREVIOUS = (
    f"project_id IN {listed('project_id')} AND {name} IN {listed('visitor_id')} AND (project_id, {name}) IN {_PAIRS}"
    for name in ("visitor_id", "previous_id")
)
"""Rows of the listed visitors, stated three times: for the primary key, for the skip index, and exactly."""


class StoredHistory:
    """`History` of `trackway.enrich.sessionizer`, `trackway.enrich.identity` and `trackway.enrich.orders` over a store.

    Args:
        before: called before each question, to wait until earlier writes are in the store.
    """

    def __init__(self, store: Store, before: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._before = before
        self._separated: dict[Visitor, list[Separated]] = {}

    def sessions_of(self, visitors: list[Visitor], since: Millis, until: Millis) -> list[Session]:
        """Return the current rows of these visitors' sessions that started in [since, until]."""
        answer = self._ask(
            f"SELECT {SESSIONS} FROM sessions FINAL WHERE {_OF_VISITORS} "
            "AND started_at BETWEEN fromUnixTimestamp64Milli({since:Int64}) "
            "AND fromUnixTimestamp64Milli({until:Int64})",
            _visitors(visitors),
            {"since": since, "until": until},
        )
        found: list[Session] = objects(Session, answer)
        for one in found:
            one.identity = self._identity(one, one.started_at)
        return found

    def recent(self) -> tuple[Millis | None, list[Session]]:
        """Return a time, and all sessions that ended at or after it; None and no sessions when the store has none."""
        self._before()
        newest = self._store.ask("SELECT toUnixTimestamp64Milli(max(ended_at)) AS at, count() AS n FROM sessions")
        if not newest["n"][0].as_py():
            return None, []
        since = newest["at"][0].as_py() - KEEP
        answer = self._store.ask(
            f"SELECT {SESSIONS} FROM sessions FINAL WHERE ended_at >= fromUnixTimestamp64Milli({{since:Int64}})",
            {"since": since},
        )
        return since, objects(Session, answer)

    def events_of(self, sessions: list[Session]) -> list[Event]:
        """Return the stored events of these sessions."""
        answer = self._ask(
            f"SELECT {EVENTS} FROM events WHERE {_OF_VISITORS} "
            f"AND (visitor_id, session_id) IN {listed('visitor_id', 'session_id')} "
            "AND timestamp BETWEEN fromUnixTimestamp64Milli({since:Int64}) AND fromUnixTimestamp64Milli({until:Int64})",
            {
                **_visitors([(session.project_id, session.visitor_id) for session in sessions]),
                "session_id": [session.session_id for session in sessions],
            },
            {
                "since": min(session.started_at for session in sessions),
                "until": max(session.ended_at for session in sessions),
            },
        )
        found: list[Event] = objects(Event, answer)
        for one in found:
            one.identity = self._identity(one, one.timestamp)
        return found

    def orders_of(self, keys: list[Key]) -> list[Order]:
        """Return the stored orders with these keys, as they are now."""
        answer = self._ask(
            f"SELECT {_ORDERS} FROM orders WHERE project_id IN {listed('project_id')} "
            f"AND order_id IN {listed('order_id')} AND (project_id, order_id) IN {listed('project_id', 'order_id')} "
            "AND NOT gone ORDER BY version",
            {"project_id": [key[0] for key in keys], "order_id": [key[2] for key in keys]},
        )
        # An order can have several rows, and the newest is last. An order that moved left its older rows marked as
        # gone.
        found: list[Order] = objects(Order, answer)
        for one in found:
            one.identity = self._identity(one, one.named_at)
        return found

    def newest_number(self) -> int:
        """Return the highest number of any identity."""
        self._before()
        return int(self._store.ask("SELECT max(number) AS n FROM identities")["n"][0].as_py())

    def numbers_of(self, tokens: list[int]) -> dict[int, int]:
        """Return the numbers of those tokens that are stored."""
        answer = self._ask(
            f"SELECT token, any(number) AS n FROM identities WHERE token IN {listed('token')} GROUP BY token",
            {"token": tokens},
        )
        return dict(zip(answer["token"].to_pylist(), answer["n"].to_pylist(), strict=True))

    def any_sign_outs(self) -> bool:
        """Whether the store has any sign-out at all."""
        self._before()
        return bool(self._store.ask("SELECT count() AS n FROM sign_outs")["n"][0].as_py())

    def sign_outs_of(self, visitors: list[Visitor]) -> dict[Visitor, list[Millis]]:
        """Return the times at which these visitors signed out, in order."""
        answer = self._ask(
            "SELECT project_id, visitor_id, toUnixTimestamp64Milli(at) AS at_ FROM sign_outs FINAL "
            f"WHERE {_OF_VISITORS} ORDER BY at",
            _visitors(visitors),
        )
        found: dict[Visitor, list[Millis]] = {}
        for row in answer.to_pylist():
            found.setdefault((row["project_id"].bytes, row["visitor_id"]), []).append(row["at_"])
        return found

    def last_seen(self, visitors: list[Visitor]) -> dict[Visitor, Millis]:
        """Return the time of each visitor's newest stored event or alias."""
        answer = self._ask(
            "SELECT project_id, visitor_id, toUnixTimestamp64Milli(max(at)) AS at_ FROM "
            f"(SELECT project_id, visitor_id, last_seen AS at FROM visitors WHERE {_OF_VISITORS} UNION ALL "
            f"SELECT project_id, previous_id AS visitor_id, at FROM aliases WHERE {_OF_PREVIOUS}) "
            "GROUP BY project_id, visitor_id",
            _visitors(visitors),
        )
        return {(row["project_id"].bytes, row["visitor_id"]): row["at_"] for row in answer.to_pylist()}

    def users_of(self, separated: list[Separated]) -> dict[int, list[tuple[str, Millis]]]:
        """Return, by new identity, the users seen on its visitor in its stretch of time, each with the first time."""
        own = listed("project_id", "visitor_id", "token", "since", "until")
        answer = self._ask(
            "SELECT s.token AS identity, e.user_id AS user_id, toUnixTimestamp64Milli(min(e.at)) AS first FROM "
            f"(SELECT project_id, visitor_id, user_id, timestamp AS at FROM events WHERE {_OF_VISITORS} "
            "AND user_id != '' AND timestamp > fromUnixTimestamp64Milli({since:Int64}) UNION ALL "
            f"SELECT project_id, previous_id AS visitor_id, user_id, at FROM aliases WHERE {_OF_PREVIOUS}) AS e "
            f"INNER JOIN {own} AS s ON e.project_id = s.project_id AND e.visitor_id = s.visitor_id "
            "WHERE e.at > s.since AND e.at <= s.until GROUP BY identity, user_id",
            {
                **_visitors([one.visitor for one in separated]),
                "token": [one.identity for one in separated],
                "since": [one.since for one in separated],
                "until": [one.until for one in separated],
            },
            {"since": min(one.since for one in separated)},
        )
        found: dict[int, list[tuple[str, Millis]]] = {}
        for row in answer.to_pylist():
            found.setdefault(row["identity"], []).append((row["user_id"], row["first"]))
        return found

    def separate(self, separated: list[Separated]) -> None:
        """Show stored rows, from now on, as they will be once the batch that separates these visitors is applied."""
        self._separated = {}
        for one in separated:
            self._separated.setdefault(one.visitor, []).append(one)

    def _identity(self, row: Session | Event | Order, at: Millis) -> int:
        if not row.user_id:
            for one in self._separated.get((row.project_id, row.visitor_id), ()):
                if one.since < at <= one.until:
                    return one.identity
        return row.identity

    def _ask(self, sql: str, rows: dict[str, list[Any]], parameters: dict[str, Any] | None = None) -> pa.Table:
        """Ask about a list of any length, in two statements."""
        self._before()
        return self._store.ask(sql, {"list": write_list(self._store, **rows), **(parameters or {})})


def _visitors(visitors: list[Visitor]) -> dict[str, list[Any]]:
    return {"project_id": [one for one, _ in visitors], "visitor_id": [one for _, one in visitors]}


def objects(kind: Any, answer: pa.Table) -> list[Any]:
    """Return rows as structs of `kind`: UUIDs as 16 bytes, times as milliseconds, equal texts as one object."""
    columns = []
    texts: dict[str, str] = {}
    for name, column in zip(kind.__struct_fields__, answer.itercolumns(), strict=True):
        values = column.to_pylist()
        if values and isinstance(values[0], UUID):
            values = [value.bytes for value in values]
        elif values and isinstance(values[0], str):
            values = [texts.setdefault(value, value) for value in values]
        columns.append([value.encode() for value in values] if name == "properties" else values)
    return [kind(*row) for row in zip(*columns, strict=True)]
