"""Orders of a PostgreSQL table: a trigger writes changes into an outbox, and a follower moves them to the log.

The trigger writes in the transaction that changes an order, so that no change is lost while another process is down. A
change leaves the outbox when the log has it. A change that is moved twice, because a process was killed in between,
keeps its message id. `NOTIFY` announces new changes; without it, the outbox is read every second.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import psycopg
from psycopg import sql

from trackway.collect.orders.mapping import Mapping, order_of
from trackway.collect.orders.postgres_address import BadDatabase, conninfo, reason
from trackway.collect.orders.report import BadOrder, OrderReport, transition
from trackway.event import Arrival, Location, Message, Rejection, now
from trackway.govern.saved.connections import Connections
from trackway.govern.saved.tables import Connection
from trackway.log import LogUnavailable
from trackway.outgoing import Outgoing, Refused
from trackway.statements import Statements

logger = logging.getLogger("trackway.collect")
_sql = Statements(__name__)

BATCH = 500
_LOOK_S, _RETRY_S, _MOST_RETRY_S = 1.0, 0.5, 30.0
CHANNEL = "trackway"


class Change(NamedTuple):
    """A change in the outbox: the row before, the row after, and the time."""

    id: int
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    at: datetime


def _trigger_name(event: str, name: str) -> str:
    """Return the name of a connection's trigger, and of the trigger's function."""
    return f"trackway_{event}_{name.replace('-', '')[:32]}"


def _functions(name: str) -> dict[str, sql.Identifier]:
    return {event: sql.Identifier(_trigger_name(event, name)) for event in ("changed", "emptied")}


def setup(name: str, mapping: Mapping) -> sql.Composed:
    """Return the SQL that prepares a database to follow a table: an outbox, triggers, and the orders so far.

    Args:
        name: the connection's id: letters, digits and dashes.
    """
    schema, _, table = mapping.table.rpartition(".")

    def columns_of(row: str) -> sql.Composed:
        pairs = [
            sql.SQL("{}, {}.{}").format(sql.Literal(column), sql.SQL(row), sql.Identifier(column))
            for column in mapping.columns.named()
        ]
        return sql.SQL("jsonb_build_object({})").format(sql.SQL(", ").join(pairs))

    return sql.SQL(_sql("setup")).format(
        name=sql.Literal(name),
        table=sql.Identifier(schema, table) if schema else sql.Identifier(table),
        **_functions(name),
        columns_of_old=columns_of("OLD"),
        columns_of_new=columns_of("NEW"),
        columns_of_row=columns_of("stored"),
    )


def remove(dsn: str, name: str, outgoing: Outgoing) -> None:
    """Remove from a database what `setup` created for a connection; the outbox table stays, as others may use it.

    Raises:
        psycopg.Error, BadDatabase, Refused: the database does not answer or refuses, or connecting to it is not
        allowed.
    """
    with psycopg.connect(conninfo(dsn, outgoing)) as database:
        database.execute(sql.SQL(_sql("remove")).format(**_functions(name), name=sql.Literal(name)))


def messages_of(change: Change, mapping: Mapping, source: str) -> tuple[list[Message], list[Rejection]]:
    """Return the messages of a change, and rejections of rows that are not orders; such a row counts as absent."""
    refused: list[Rejection] = []

    def order(row: dict[str, Any] | None, counts: bool) -> OrderReport | None:
        try:
            return order_of(row, mapping, change.at)
        except BadOrder as error:
            if counts:
                body = json.dumps(row, default=str)
                refused.append(Rejection(0, "row", str(error), f"{source}-{change.id}", body))
            return None

    before, after = order(change.before, False), order(change.after, True)
    return transition(before, after, source, f"{change.id}-{int(change.at.timestamp() * 1000)}"), refused


class Follower:
    """Follows one table in its own thread until it is stopped; reports its state to the accounts database.

    Args:
        connection: the connection.
        connections: stores the states and secrets of connections.
        write: writes an arrival to the log, and raises LogUnavailable when it cannot.
        outgoing: decides which addresses may be reached.
    """

    def __init__(
        self, connection: Connection, connections: Connections, write: Callable[[Arrival], None], outgoing: Outgoing
    ) -> None:
        self._outgoing = outgoing
        self._id, self._project = connection.id, UUID(connection.project_id)
        self._dsn = connections.secret(connection)
        self._mapping = msgspec.convert(connection.config, Mapping)
        self._connections, self._write = connections, write
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"follow-{connection.id[:8]}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more changes."""
        self._stopping.set()

    def join(self) -> None:
        """Wait for the current changes."""
        if self._thread.is_alive():
            self._thread.join(_LOOK_S + 5)

    def _run(self) -> None:
        pause, reported = _RETRY_S, None
        while not self._stopping.is_set():
            try:
                with psycopg.connect(conninfo(self._dsn, self._outgoing), autocommit=True) as database:
                    self._prepare(database)
                    if reported != "":
                        reported = ""
                        self._connections.record_report(self._id, 0)
                    pause = _RETRY_S
                    self._follow(database)
            except Exception as error:  # whatever the error is, the next orders must not wait for a restart
                if not isinstance(error, (psycopg.Error, LogUnavailable, OSError, Refused, BadDatabase)):
                    logger.exception("connection %s", self._id)
                text = reason(error)
                if reported != text:
                    reported = text
                    logger.error("the orders of connection %s cannot be followed: %s", self._id, text)
                    self._connections.record_report(self._id, 0, text)
                self._stopping.wait(pause)
                pause = min(pause * 2, _MOST_RETRY_S)

    def _prepare(self, database: psycopg.Connection[Any]) -> None:
        """Wait until no other process follows the table, listen, and create the triggers if they are missing."""
        while not self._has_advisory_lock(database):
            if self._stopping.wait(1.0):
                return
        database.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
        trigger = _trigger_name("changed", self._id)
        if database.execute(_sql("has_trigger"), [trigger]).fetchone() is None:
            with database.transaction():
                database.execute(setup(self._id, self._mapping))

    def _has_advisory_lock(self, database: psycopg.Connection[Any]) -> bool:
        key = UUID(self._id).int & 0x7FFF_FFFF_FFFF_FFFF
        row = database.execute("SELECT pg_try_advisory_lock(%s)", [key]).fetchone()
        return bool(row and row[0])

    def _follow(self, database: psycopg.Connection[Any]) -> None:
        while not self._stopping.is_set():
            if self._take(database) < BATCH:
                for _ in database.notifies(timeout=_LOOK_S, stop_after=1):
                    pass

    def _take(self, database: psycopg.Connection[Any]) -> int:
        """Move changes from the outbox to the log, in order; return their number."""
        rows = database.execute(_sql("next_changes"), [self._id, BATCH]).fetchall()
        if not rows:
            return 0
        messages: list[Message] = []
        refused: list[Rejection] = []
        for number, before, after, at in rows:
            change = Change(number, _object(before), _object(after), at.astimezone(UTC))
            of_change, refused_rows = messages_of(change, self._mapping, f"postgres {self._id[-8:]}")
            messages += of_change
            refused += refused_rows
        if messages or refused:
            self._write(Arrival(now(), self._project.bytes, "", Location(), "", "", False, None, messages, refused))
        database.execute("DELETE FROM trackway_outbox WHERE id = ANY(%s)", [[row[0] for row in rows]])
        problem = f"{len(refused)} rows could not be taken; the last: {refused[-1].reason}" if refused else None
        self._connections.record_report(self._id, len(rows) - len(refused), problem)
        return len(rows)


def _object(text: str | None) -> dict[str, Any] | None:
    """Return a row with its numbers exactly as written, without rounding to floats."""
    if text is None:
        return None
    row: dict[str, Any] = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    return row


class Followers:
    """Keeps a follower for each active database connection in the accounts database.

    Args:
        connections: stores the connections.
        write: writes an arrival to the log.
        outgoing: decides which addresses may be reached.
    """

    def __init__(self, connections: Connections, write: Callable[[Arrival], None], outgoing: Outgoing) -> None:
        self._connections, self._write, self._outgoing = connections, write, outgoing
        self._running: dict[str, tuple[Any, Follower]] = {}
        self._stopping, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="followers", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def changed(self) -> None:
        """Signal that connections were created, changed or removed."""
        self._wake.set()

    def stop(self) -> None:
        """Stop all followers."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(30)
        for _, follower in self._running.values():
            follower.stop()
        for _, follower in self._running.values():
            follower.join()
        self._running = {}

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look()
            except Exception:
                logger.exception("the database connections cannot be read; trying again")
            self._wake.wait(10.0)
            self._wake.clear()

    def _look(self) -> None:
        wanted = {
            connection.id: connection
            for connection in self._connections.all()
            if connection.kind == "postgres" and connection.active
        }
        for name, (followed, follower) in list(self._running.items()):
            if name not in wanted or followed != (wanted[name].config, wanted[name].secret):
                follower.stop()
                follower.join()
                del self._running[name]
        for name, connection in wanted.items():
            if name not in self._running and not self._stopping.is_set():
                follower = Follower(connection, self._connections, self._write, self._outgoing)
                self._running[name] = ((connection.config, connection.secret), follower)
                follower.start()
