"""What the sessionizer and the identities ask the store about visitors whose events are late or long ago."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from uuid import UUID

import pyarrow as pa

from trackway.enrich.identity import Separated, Visitor
from trackway.enrich.orders import Key, Order
from trackway.enrich.session import Session
from trackway.enrich.sessionizer import KEEP
from trackway.event import Event, Millis
from trackway.store.connection import Store
from trackway.store.separating import STRETCH, WITHIN, separate, stretch

_SESSIONS = ", ".join(
    f"toUnixTimestamp64Milli({name}) AS {name}_" if name.endswith("_at") else name for name in Session.__struct_fields__
)
_EVENTS = ", ".join(
    f"toUnixTimestamp64Milli({name}) AS {name}_"
    if name in ("timestamp", "received_at")
    else "toJSONString(properties) AS properties_"
    if name == "properties"
    else name
    for name in Event.__struct_fields__
)

_ORDERS = ", ".join(
    f"toUnixTimestamp64Milli({name}) AS {name}_" if name.endswith("_at") else name for name in Order.__struct_fields__
)


_NO_LOCK = nullcontext()


class StoredHistory:
    """`History` of `trackway.enrich.sessionizer`, `trackway.enrich.identity` and `trackway.enrich.orders` over a store.

    Args:
        before: called before each question, to wait until what was written is there.
        still: held while stored events change.
    """

    def __init__(
        self,
        store: Store,
        before: Callable[[], None] = lambda: None,
        still: AbstractContextManager[object] = _NO_LOCK,
    ) -> None:
        self._store = store
        self._before = before
        self._still = still

    def sessions_of(self, visitors: list[Visitor], since: Millis, until: Millis) -> list[Session]:
        """Current rows of these visitors' sessions that started in [since, until]."""
        self._before()
        found: list[Session] = []
        for project_id in {project_id for project_id, _ in visitors}:
            names = [name for owner, name in visitors if owner == project_id]
            answer = self._store.ask(
                f"SELECT {_SESSIONS} FROM sessions FINAL WHERE project_id = {{project:UUID}} "
                "AND started_at BETWEEN fromUnixTimestamp64Milli({since:Int64}) "
                "AND fromUnixTimestamp64Milli({until:Int64}) AND visitor_id IN {visitors:Array(String)}",
                {"project": UUID(bytes=project_id), "since": since, "until": until, "visitors": names},
            )
            found += _objects(Session, answer)
        return found

    def recent(self) -> tuple[Millis | None, list[Session]]:
        """Since when the returned sessions are all there are (None when the store has none), and those sessions."""
        self._before()
        newest = self._store.ask("SELECT toUnixTimestamp64Milli(max(ended_at)) AS at, count() AS n FROM sessions")
        if not newest["n"][0].as_py():
            return None, []
        since = newest["at"][0].as_py() - KEEP
        answer = self._store.ask(
            f"SELECT {_SESSIONS} FROM sessions FINAL WHERE ended_at >= fromUnixTimestamp64Milli({{since:Int64}})",
            {"since": since},
        )
        return since, _objects(Session, answer)

    def events_of(self, sessions: list[Session]) -> list[Event]:
        """The stored events of these sessions."""
        self._before()
        found: list[Event] = []
        for project_id in {session.project_id for session in sessions}:
            own = [session for session in sessions if session.project_id == project_id]
            answer = self._store.ask(
                f"SELECT {_EVENTS} FROM events WHERE project_id = {{project:UUID}} "
                "AND timestamp BETWEEN fromUnixTimestamp64Milli({since:Int64}) "
                "AND fromUnixTimestamp64Milli({until:Int64}) "
                "AND visitor_id IN {visitors:Array(String)} AND session_id IN {sessions:Array(UUID)}",
                {
                    "project": UUID(bytes=project_id),
                    "since": min(session.started_at for session in own),
                    "until": max(session.ended_at for session in own),
                    "visitors": sorted({session.visitor_id for session in own}),
                    "sessions": [UUID(bytes=session.session_id) for session in own],
                },
            )
            found += _objects(Event, answer)
        return found

    def orders_of(self, keys: list[Key]) -> list[Order]:
        """The orders of these keys that are stored, as they are now."""
        self._before()
        found: list[Order] = []
        for project_id in {project_id for project_id, _, _ in keys}:
            answer = self._store.ask(
                f"SELECT {_ORDERS} FROM orders WHERE project_id = {{project:UUID}} "
                "AND order_id IN {ids:Array(String)} AND NOT gone ORDER BY version",
                {"project": UUID(bytes=project_id), "ids": sorted({one for own, _, one in keys if own == project_id})},
            )
            # Of several rows of one the newest is last; one that moved left its older rows behind as gone.
            found += _objects(Order, answer)
        return found

    def newest_number(self) -> int:
        """The highest number that an identity has."""
        self._before()
        return int(self._store.ask("SELECT max(number) AS n FROM identities")["n"][0].as_py())

    def numbers_of(self, tokens: list[int]) -> dict[int, int]:
        """The numbers of those tokens that are stored."""
        answer = self._store.ask(
            "SELECT token, any(number) AS n FROM identities WHERE token IN {tokens:Array(UInt64)} GROUP BY token",
            {"tokens": tokens},
        )
        return dict(zip(answer["token"].to_pylist(), answer["n"].to_pylist(), strict=True))

    def any_sign_outs(self) -> bool:
        """Whether there is any sign-out at all."""
        self._before()
        return bool(self._store.ask("SELECT count() AS n FROM sign_outs")["n"][0].as_py())

    def sign_outs_of(self, visitors: list[Visitor]) -> dict[Visitor, list[Millis]]:
        """When these visitors signed out, in order."""
        found: dict[Visitor, list[Millis]] = {}
        for project_id, names in _by_project(visitors):
            answer = self._store.ask(
                "SELECT visitor_id, toUnixTimestamp64Milli(at) AS at_ FROM sign_outs FINAL "
                "WHERE project_id = {project:UUID} AND visitor_id IN {visitors:Array(String)} ORDER BY at",
                {"project": UUID(bytes=project_id), "visitors": names},
            )
            for row in answer.to_pylist():
                found.setdefault((project_id, row["visitor_id"]), []).append(row["at_"])
        return found

    def last_seen(self, visitors: list[Visitor]) -> dict[Visitor, Millis]:
        """When the newest stored event or alias of each visitor was."""
        self._before()
        found: dict[Visitor, Millis] = {}
        for project_id, names in _by_project(visitors):
            answer = self._store.ask(
                "SELECT visitor_id, toUnixTimestamp64Milli(max(at)) AS at_ FROM (SELECT visitor_id, last_seen AS at "
                "FROM visitors WHERE project_id = {project:UUID} AND visitor_id IN {visitors:Array(String)} "
                "UNION ALL SELECT previous_id AS visitor_id, at FROM aliases "
                "WHERE project_id = {project:UUID} AND previous_id IN {visitors:Array(String)}) GROUP BY visitor_id",
                {"project": UUID(bytes=project_id), "visitors": names},
            )
            found |= {(project_id, row["visitor_id"]): row["at_"] for row in answer.to_pylist()}
        return found

    def users_of(self, visitor: Visitor, since: Millis, until: Millis) -> list[tuple[str, Millis]]:
        """The users seen on a visitor in (since, until], by events or by an alias, each with the first time."""
        self._before()
        answer = self._store.ask(
            "SELECT user_id, min(ms) AS first FROM (SELECT user_id, toUnixTimestamp64Milli(timestamp) AS ms "
            f"FROM events WHERE {STRETCH} AND user_id != '' AND {WITHIN.format('timestamp')} UNION ALL "
            "SELECT user_id, toUnixTimestamp64Milli(at) AS ms FROM aliases WHERE project_id = {project:UUID} "
            f"AND previous_id = {{visitor:String}} AND {WITHIN.format('at')}"
            ") GROUP BY user_id",
            stretch(Separated(visitor, since, until, 0, 0)),
        )
        return [(row["user_id"], row["first"]) for row in answer.to_pylist()]

    def separate(self, one: Separated) -> None:
        """Give stored events another identity, and with them their sessions, orders, counters and claims."""
        self._before()
        with self._still:
            separate(self._store, one)


def _by_project(visitors: list[Visitor]) -> list[tuple[bytes, list[str]]]:
    return [
        (project_id, sorted({name for owner, name in visitors if owner == project_id}))
        for project_id in {project_id for project_id, _ in visitors}
    ]


def _objects(kind: Any, answer: pa.Table) -> list[Any]:
    """Rows as structs of `kind`; UUIDs as 16 bytes, times as milliseconds, equal texts as one object."""
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
