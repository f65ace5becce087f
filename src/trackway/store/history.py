"""What the sessionizer asks the store: stored sessions and events, of visitors with late events only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pyarrow as pa

from trackway.enrich.session import Session
from trackway.enrich.sessionizer import KEEP, Visitor
from trackway.event import Event, Millis
from trackway.store.connection import Store

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


class StoredHistory:
    """`trackway.enrich.sessionizer.History` over a store.

    Args:
        before: called before each question, to wait until what was written is there.
    """

    def __init__(self, store: Store, before: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._before = before

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
