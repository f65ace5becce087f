"""A store in memory: applies prepared batches as the engine does, and answers what the loader reads back."""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import Any

import msgspec
import pyarrow as pa

from trackway.enrich import sessionizer
from trackway.enrich.identity import FOREVER, Separated, Visitor
from trackway.enrich.orders import Key, Order
from trackway.enrich.session import Session
from trackway.event import Event, Millis
from trackway.store.batch import Prepared
from trackway.store.history import objects
from trackway.store.moved_events import Moved


def table(block: bytes) -> pa.Table:
    """The rows of a block."""
    return pa.ipc.open_stream(block).read_all()


def _structs(kind: Any, block: bytes) -> list[Any]:
    """Rows as the store answers them: times as numbers."""
    columns = table(block).select(kind.__struct_fields__)
    plain = [
        column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column for column in columns.itercolumns()
    ]
    return objects(kind, pa.table(plain, names=columns.column_names)) if columns.num_rows else []


class MemoryStore:
    """`History` of the sessionizer, the identities and the orders over what was applied."""

    def __init__(self) -> None:
        self.events: dict[bytes, Event] = {}
        self._by_visitor: dict[Visitor, list[Event]] = defaultdict(list)
        self._sessions: dict[Visitor, dict[tuple[bytes, Millis], Session | None]] = defaultdict(dict)
        self._orders: dict[Key, Order] = {}
        self._numbers: dict[int, int] = {}
        self._sign_outs: dict[Visitor, list[Millis]] = defaultdict(list)
        self._aliases: dict[Visitor, list[tuple[str, Millis]]] = defaultdict(list)
        self._separated: list[Separated] = []

    def apply(self, prepared: Prepared) -> None:
        """Store a batch."""
        for stretch in prepared.separated:
            self._separate(stretch)
        for moved in prepared.moved:
            self._move(moved)
        for event in _structs(Event, prepared.events) if prepared.events else ():
            if event.event_id not in self.events:
                self.events[event.event_id] = event
                self._by_visitor[event.project_id, event.visitor_id].append(event)
        if prepared.sessions:
            gone = table(prepared.sessions)["gone"].to_pylist()
            for session, is_gone in zip(_structs(Session, prepared.sessions), gone, strict=True):
                of_visitor = self._sessions[session.project_id, session.visitor_id]
                of_visitor[session.session_id, session.started_at] = None if is_gone else session
        for order in _structs(Order, prepared.orders) if prepared.orders else ():
            if not order.gone:
                self._orders[order.key] = order
        if prepared.identities:
            self._numbers.update(
                zip(*(column.to_pylist() for column in table(prepared.identities).itercolumns()), strict=True)
            )
        for project_id, visitor_id, at in _rows(prepared.sign_outs):
            self._sign_outs[project_id, visitor_id].append(at)
        for project_id, _, _, previous, user_id, at in _rows(prepared.aliases):
            self._aliases[project_id, previous].append((user_id, at))

    def _separate(self, stretch: Separated) -> None:
        for event in self._by_visitor[stretch.visitor]:
            if not event.user_id and stretch.since < event.timestamp <= stretch.until:
                event.identity = stretch.identity
        for session in self._sessions[stretch.visitor].values():
            if session and not session.user_id and stretch.since < session.started_at <= stretch.until:
                session.identity = stretch.identity
        for order in self._orders.values():
            own = (order.project_id, order.visitor_id) == stretch.visitor and not order.user_id
            if own and stretch.since < order.named_at <= stretch.until:
                order.identity = stretch.identity

    def _move(self, moved: Moved) -> None:
        for event_id in moved.event_ids:
            event = self.events[event_id]
            event.session_id = moved.session_id
            event.channel, event.source, event.medium, event.campaign, event.term, event.content = moved.traffic

    def sessions_of(self, visitors: list[Visitor], since: Millis, until: Millis) -> list[Session]:
        return [
            self._seen(session, session.started_at)
            for visitor in visitors
            for session in self._sessions[visitor].values()
            if session and since <= session.started_at <= until
        ]

    def recent(self) -> tuple[Millis | None, list[Session]]:
        """The time from which on all sessions are given to a process that starts."""
        alive = [session for of_visitor in self._sessions.values() for session in of_visitor.values() if session]
        if not alive:
            return None, []
        since = max(session.ended_at for session in alive) - sessionizer.KEEP
        return since, [self._seen(session, session.started_at) for session in alive if session.ended_at >= since]

    def events_of(self, sessions: list[Session]) -> list[Event]:
        wanted = {(session.project_id, session.visitor_id, session.session_id) for session in sessions}
        return [
            self._seen(event, event.timestamp)
            for visitor in sorted({key[:2] for key in wanted})
            for event in self._by_visitor[visitor]
            if (*visitor, event.session_id) in wanted
        ]

    def orders_of(self, keys: list[Key]) -> list[Order]:
        return [self._seen(self._orders[key], self._orders[key].named_at) for key in keys if key in self._orders]

    def newest_number(self) -> int:
        return max(self._numbers.values(), default=0)

    def numbers_of(self, tokens: list[int]) -> dict[int, int]:
        return {token: self._numbers[token] for token in tokens if token in self._numbers}

    def any_sign_outs(self) -> bool:
        return bool(self._sign_outs)

    def sign_outs_of(self, visitors: list[Visitor]) -> dict[Visitor, list[Millis]]:
        return {visitor: sorted(self._sign_outs[visitor]) for visitor in visitors if visitor in self._sign_outs}

    def last_seen(self, visitors: list[Visitor]) -> dict[Visitor, Millis]:
        return {
            visitor: max(times)
            for visitor in visitors
            if (times := [event.timestamp for event in self._by_visitor[visitor]] + self._aliased_at(visitor))
        }

    def _aliased_at(self, visitor: Visitor) -> list[Millis]:
        return [at for _, at in self._aliases[visitor]]

    def users_of(self, separated: list[Separated]) -> dict[int, list[tuple[str, Millis]]]:
        found: dict[int, list[tuple[str, Millis]]] = {}
        for stretch in separated:
            seen = [(one.user_id, one.timestamp) for one in self._by_visitor[stretch.visitor] if one.user_id]
            first: dict[str, Millis] = {}
            for user_id, at in seen + self._aliases[stretch.visitor]:
                if stretch.since < at <= stretch.until:
                    first[user_id] = min(at, first.get(user_id, FOREVER))
            if first:
                found[stretch.token] = sorted(first.items())
        return found

    def separate(self, separated: list[Separated]) -> None:
        self._separated = separated

    def _seen(self, row: Any, at: Millis) -> Any:
        row = msgspec.structs.replace(row) if isinstance(row, msgspec.Struct) else copy.copy(row)
        for stretch in self._separated:
            own = stretch.visitor == (row.project_id, row.visitor_id) and not row.user_id
            if own and stretch.since < at <= stretch.until:
                row.identity = stretch.identity
        return row


def _rows(block: bytes) -> list[tuple[Any, ...]]:
    """Rows of a block, times as numbers."""
    if not block:
        return []
    columns = [
        column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
        for column in table(block).itercolumns()
    ]
    return list(zip(*(column.to_pylist() for column in columns), strict=True))
