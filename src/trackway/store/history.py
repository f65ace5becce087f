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
from trackway.statements import Statements
from trackway.store.connection import Store
from trackway.store.lists import with_list

_sql = Statements(__name__)


class StoredHistory:
    """`History` of `trackway.enrich.sessionizer`, `trackway.enrich.identity` and `trackway.enrich.orders` over a store.

    Args:
        before: called before each question, to wait until earlier writes are in the store.
        of_others: returns the projects that another loader has.
    """

    def __init__(
        self,
        store: Store,
        before: Callable[[], None] = lambda: None,
        of_others: Callable[[], list[UUID]] = list,
    ) -> None:
        self._store, self._before, self._of_others = store, before, of_others
        self._separated: dict[Visitor, list[Separated]] = {}

    def sessions_of(self, visitors: list[Visitor], since: Millis, until: Millis) -> list[Session]:
        """Return the current rows of these visitors' sessions that started in [since, until]."""
        statement = _sql("sessions_of", columns=Session.__struct_fields__)
        answer = self._ask(statement, _visitors(visitors), {"since": since, "until": until})
        sessions: list[Session] = objects(Session, answer)
        for session in sessions:
            session.identity = self._identity(session, session.started_at)
        return sessions

    def recent(self) -> tuple[Millis | None, list[Session]]:
        """Return a time, and all sessions that ended at or after it; None and no sessions when the store has none.

        Sessions of projects that another loader has are left out.
        """
        self._before()
        others = self._of_others()
        values = {"others": others} if others else {}
        newest = self._store.ask(_sql("newest_session", others=bool(others)), values)
        if not newest["n"][0].as_py():
            return None, []
        since = newest["at"][0].as_py() - KEEP
        return since, objects(
            Session,
            self._store.ask(
                _sql("recent", columns=Session.__struct_fields__, others=bool(others)), {"since": since, **values}
            ),
        )

    def events_of(self, sessions: list[Session]) -> list[Event]:
        """Return the stored events of these sessions."""
        answer = self._ask(
            _sql("events_of", columns=Event.__struct_fields__),
            {
                **_visitors([(session.project_id, session.visitor_id) for session in sessions]),
                "session_id": [session.session_id for session in sessions],
            },
            {
                "since": min(session.started_at for session in sessions),
                "until": max(session.ended_at for session in sessions),
            },
        )
        events: list[Event] = objects(Event, answer)
        for event in events:
            event.identity = self._identity(event, event.timestamp)
        return events

    def orders_of(self, keys: list[Key]) -> list[Order]:
        """Return the stored orders with these keys, as they are now."""
        answer = self._ask(
            _sql("orders_of", columns=Order.__struct_fields__),
            {"project_id": [key[0] for key in keys], "order_id": [key[2] for key in keys]},
        )
        orders: list[Order] = objects(Order, answer)
        for order in orders:
            order.identity = self._identity(order, order.named_at)
        return orders

    def newest_number(self) -> int:
        """Return the highest number of any identity."""
        self._before()
        return int(self._store.ask("SELECT max(number) AS n FROM identities")["n"][0].as_py())

    def numbers_of(self, tokens: list[int]) -> dict[int, int]:
        """Return the numbers of those tokens that are stored."""
        answer = self._ask(_sql("numbers_of"), {"token": tokens})
        return dict(zip(answer["token"].to_pylist(), answer["n"].to_pylist(), strict=True))

    def any_sign_outs(self) -> bool:
        """Whether the store has any sign-out at all."""
        self._before()
        return bool(self._store.ask("SELECT count() AS n FROM sign_outs")["n"][0].as_py())

    def sign_outs_of(self, visitors: list[Visitor]) -> dict[Visitor, list[Millis]]:
        """Return the times at which these visitors signed out, in order."""
        answer = self._ask(_sql("sign_outs_of"), _visitors(visitors))
        times: dict[Visitor, list[Millis]] = {}
        for row in answer.to_pylist():
            times.setdefault((row["project_id"].bytes, row["visitor_id"]), []).append(row["at_"])
        return times

    def last_seen(self, visitors: list[Visitor]) -> dict[Visitor, Millis]:
        """Return the time of each visitor's newest stored event or alias."""
        answer = self._ask(_sql("last_seen"), _visitors(visitors))
        return {(row["project_id"].bytes, row["visitor_id"]): row["at_"] for row in answer.to_pylist()}

    def users_of(self, separated: list[Separated]) -> dict[int, list[tuple[str, Millis]]]:
        """For each separated visitor (key: the new identity), return the user ids seen between `since` and `until`,
        with the first time of each.
        """
        answer = self._ask(
            _sql("users_of"),
            {
                **_visitors([stretch.visitor for stretch in separated]),
                "token": [stretch.identity for stretch in separated],
                "since": [stretch.since for stretch in separated],
                "until": [stretch.until for stretch in separated],
            },
            {"since": min(stretch.since for stretch in separated)},
        )
        users: dict[int, list[tuple[str, Millis]]] = {}
        for row in answer.to_pylist():
            users.setdefault(row["identity"], []).append((row["user_id"], row["first"]))
        return users

    def separate(self, separated: list[Separated]) -> None:
        """Show stored rows, from now on, as they will be once the batch that separates these visitors is applied."""
        self._separated = {}
        for stretch in separated:
            self._separated.setdefault(stretch.visitor, []).append(stretch)

    def _identity(self, row: Session | Event | Order, at: Millis) -> int:
        if not row.user_id:
            for stretch in self._separated.get((row.project_id, row.visitor_id), ()):
                if stretch.since < at <= stretch.until:
                    return stretch.identity
        return row.identity

    def _ask(self, sql: str, rows: dict[str, list[Any]], parameters: dict[str, Any] | None = None) -> pa.Table:
        """Ask about a list of any length."""
        self._before()
        sql, values = with_list(self._store, sql, **rows)
        return self._store.ask(sql, values | (parameters or {}))


def newest_of(store: Store, others: list[UUID]) -> int:
    """Return the highest version of a session, except those of projects that another loader has."""
    own = "WHERE project_id NOT IN {others:Array(UUID)}" if others else ""
    found = store.ask(f"SELECT max(version) AS n FROM sessions {own}", {"others": others} if others else {})
    return int(found["n"][0].as_py())


def _visitors(visitors: list[Visitor]) -> dict[str, list[Any]]:
    return {
        "project_id": [project_id for project_id, _ in visitors],
        "visitor_id": [visitor_id for _, visitor_id in visitors],
    }


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
