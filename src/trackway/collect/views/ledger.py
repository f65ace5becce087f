"""Which views count: one an entity and session in 24 hours, from the last one that counted (DESIGN.md §5.6).

The decision is a row of a database, so that it is right under any number of repeats at once, over restarts, and with
several collectors on one database. A counted view's message is kept beside the decision until the log has it: a
process that dies between the two loses nothing and counts nothing twice. What each entity's views come to is kept as
well, so that looking it up asks no question.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import xxhash
from sqlalchemy import Connection, Engine, bindparam, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from trackway.event import Millis
from trackway.lite import engine_of, fault

AGAIN_MS: Millis = 24 * 60 * 60 * 1000
"""After so long a view by the same session counts again."""
LEDGER_GONE = (
    "put it back from a backup, or remove it: views of the last 24 hours may count a second time then, and "
    "`trackway refresh` makes the totals anew from the events"
)
"""What mends a ledger that is damaged."""
_MOST = 500
_SOON_S = 0.5
KEEP_MS: Millis = 90 * AGAIN_MS
"""So long it is remembered that a session viewed an entity: its sessions are unique for that time."""
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS counted_views (key {bytes} PRIMARY KEY, at BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS entity_viewers (key {bytes} PRIMARY KEY)",
    "CREATE TABLE IF NOT EXISTS view_totals (key {bytes} PRIMARY KEY, views BIGINT NOT NULL, sessions BIGINT NOT NULL, "
    "viewers BIGINT NOT NULL, anonymous BIGINT NOT NULL, last_viewed BIGINT NOT NULL, hidden BOOLEAN NOT NULL)",
    "CREATE TABLE IF NOT EXISTS pending_views (key {bytes} PRIMARY KEY, collector VARCHAR(64) NOT NULL, "
    "record {bytes} NOT NULL)",
    "CREATE INDEX IF NOT EXISTS counted_views_at ON counted_views (at)",
)
# A row changes only when the view counts: the database decides among all that come at once, here and elsewhere.
_AGAIN = text("UPDATE counted_views SET at = :at WHERE key = :key AND at <= :at - :again")
_FIRST = text("INSERT INTO counted_views (key, at) VALUES (:key, :at) ON CONFLICT (key) DO NOTHING")
_VIEWER = text("INSERT INTO entity_viewers (key) VALUES (:key) ON CONFLICT (key) DO NOTHING")
_TOTAL = text(
    "INSERT INTO view_totals (key, views, sessions, viewers, anonymous, last_viewed, hidden) "
    "VALUES (:key, 1, :sessions, :viewers, :anonymous, :at, false) ON CONFLICT (key) DO UPDATE SET "
    "views = view_totals.views + 1, sessions = view_totals.sessions + excluded.sessions, "
    "viewers = view_totals.viewers + excluded.viewers, anonymous = view_totals.anonymous + excluded.anonymous, "
    "last_viewed = excluded.last_viewed"
)
_KEEP = text(
    "INSERT INTO pending_views (key, collector, record) VALUES (:key, :collector, :record) "
    "ON CONFLICT (key) DO UPDATE SET record = excluded.record, collector = excluded.collector"
)
_LOGGED = text("DELETE FROM pending_views WHERE key = :key")
_LOOK = text("SELECT key, views, sessions, viewers, anonymous, last_viewed, hidden FROM view_totals WHERE key IN :keys")
_SET = text(
    "INSERT INTO view_totals (key, views, sessions, viewers, anonymous, last_viewed, hidden) "
    "VALUES (:key, :views, :sessions, :viewers, :anonymous, :last_viewed, false) ON CONFLICT (key) DO UPDATE SET "
    "views = excluded.views, sessions = excluded.sessions, viewers = excluded.viewers, "
    "anonymous = excluded.anonymous, last_viewed = excluded.last_viewed"
)
_HIDE = text(
    "INSERT INTO view_totals (key, views, sessions, viewers, anonymous, last_viewed, hidden) "
    "VALUES (:key, 0, 0, 0, 0, 0, :hidden) ON CONFLICT (key) DO UPDATE SET hidden = excluded.hidden"
)


def entity_key(project_id: bytes, entity_type: str, entity_id: str) -> bytes:
    """16 bytes (XXH3) that stand for an entity of a project."""
    whole = f"{entity_type}\x00{entity_id}"
    return bytes(xxhash.xxh3_128_digest(project_id + whole.encode(errors="surrogatepass")))


def view_key(entity: bytes, who: str) -> bytes:
    """16 bytes (XXH3) that stand for an entity and a session, or a user, of its project."""
    return bytes(xxhash.xxh3_128_digest(entity + who.encode(errors="surrogatepass")))


class View(NamedTuple):
    """A view that may count: of which entity and session (`key`), when, and the record for the log if it does.

    `viewer` stands for the entity and the user when somebody is signed in; a bot's view counts for nobody.
    """

    key: bytes
    at: Millis
    record: bytes
    entity: bytes = b""
    viewer: bytes = b""
    bot: bool = False


class Total(NamedTuple):
    """What an entity's views come to; `last_viewed` in milliseconds since 1970, 0 for never."""

    views: int
    sessions: int
    viewers: int
    anonymous: int
    last_viewed: Millis
    hidden: bool


class LedgerUnavailable(Exception):
    """The database that decides which views count cannot be opened; the text says which and why."""


class Ledger:
    """Decides, many at once in one transaction, in a thread of its own.

    Args:
        dsn: an SQLAlchemy address; of SQLite or PostgreSQL.
        collector: which collector this is; it brings back what it kept and did not log.

    Raises:
        LedgerUnavailable: the database cannot be opened.
    """

    def __init__(self, dsn: str, collector: str) -> None:
        try:
            url = make_url(dsn)
        except SQLAlchemyError as error:
            raise LedgerUnavailable(
                "the address of the ledger of views (TRACKWAY_VIEWS) is no SQLAlchemy address"
            ) from error
        lite = url.get_backend_name() == "sqlite"
        try:
            self._engine: Engine = engine_of(url, busy_s=10.0)
            with self._engine.begin() as connection:
                for statement in _SCHEMA:
                    connection.execute(text(statement.format(bytes="BLOB" if lite else "BYTEA")))
        except (SQLAlchemyError, ImportError, OSError) as error:
            shown = (lite and url.database) or url.render_as_string(hide_password=True)
            raise LedgerUnavailable(f"the ledger of views {shown} {fault(error, LEDGER_GONE)}") from error
        self._collector = collector
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="views")
        self._waiting: list[tuple[View, asyncio.Future[bool]]] = []
        self._logged: deque[bytes] = deque()
        self._task: asyncio.Task[None] | None = None
        self._soon: asyncio.TimerHandle | None = None
        self._writing: asyncio.Future[Any] | None = None

    def unlogged(self) -> list[tuple[bytes, bytes]]:
        """Key and record of views that counted and that this collector's log may lack."""
        with self._engine.begin() as connection:
            found = connection.execute(
                text("SELECT key, record FROM pending_views WHERE collector = :collector ORDER BY key"),
                {"collector": self._collector},
            )
            return [(bytes(row.key), bytes(row.record)) for row in found]

    async def counts(self, view: View) -> bool:
        """Whether a view counts. If so, its record is to be logged, and `logged` is to be called then."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((view, future))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._decide())
        return await future

    def logged(self, key: bytes) -> None:
        """The log has the view with this key. Written down with the next decisions, or in a moment without any."""
        self._logged.append(key)
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(_SOON_S, self._write_logged)

    def _write_logged(self) -> None:
        self._soon = None
        if self._logged:
            self._writing = asyncio.ensure_future(self._transacted([]))

    async def _transacted(self, views: list[View]) -> list[bool]:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, views)

    def forget(self, before: Millis) -> int:
        """Forget who viewed what more than KEEP_MS before a moment; return how many."""
        with self._engine.begin() as connection:
            return connection.execute(
                text("DELETE FROM counted_views WHERE at <= :at"), {"at": before - KEEP_MS}
            ).rowcount

    def look(self, entities: list[bytes]) -> dict[bytes, Total]:
        """The totals of entities by their key; those that nobody viewed are left out."""
        with self._engine.connect() as connection:
            rows = connection.execute(_LOOK.bindparams(bindparam("keys", expanding=True)), {"keys": entities})
            return {bytes(row.key): _total(row) for row in rows}

    def hide(self, hidden: dict[bytes, bool]) -> None:
        """Keep the totals of entities from the public, or not."""
        if hidden:
            with self._engine.begin() as connection:
                connection.execute(_HIDE, [{"key": key, "hidden": value} for key, value in hidden.items()])

    def put(self, totals: dict[bytes, Total]) -> None:
        """Set totals to what the events say."""
        if totals:
            with self._engine.begin() as connection:
                connection.execute(_SET, [{"key": key, **one._asdict()} for key, one in totals.items()])

    async def finish(self) -> None:
        """Let decisions under way be made, and write down what is logged."""
        if self._soon is not None:
            self._soon.cancel()
        under_way = [one for one in (self._task, self._writing) if one is not None]
        await asyncio.gather(*under_way, return_exceptions=True)
        await self._transacted([])

    def close(self) -> None:
        """End; nothing is decided any more."""
        self._thread.shutdown()
        self._engine.dispose()

    async def _decide(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                try:
                    decided = await self._transacted([view for view, _ in group])
                except Exception as error:
                    _each(group, lambda future, error=error: future.set_exception(error))  # type: ignore[misc]
                    continue
                for (_, future), counted in zip(group, decided, strict=True):
                    if not future.done():
                        future.set_result(counted)
        finally:
            self._task = None

    def _transact(self, views: list[View]) -> list[bool]:
        logged = [self._logged.popleft() for _ in range(len(self._logged))]
        try:
            with self._engine.begin() as connection:
                if logged:
                    connection.execute(_LOGGED, [{"key": key} for key in logged])
                decided = []
                for view in views:
                    counted = _count(connection, view)
                    if counted:
                        kept = {"key": view.key, "collector": self._collector, "record": view.record}
                        connection.execute(_KEEP, kept)
                    decided.append(counted)
                return decided
        except BaseException:
            self._logged.extend(logged)
            raise


def _count(connection: Connection, view: View) -> bool:
    """Whether a view counts; then the totals of its entity have it."""
    given = {"key": view.key, "at": view.at}
    again = connection.execute(_AGAIN, {**given, "again": AGAIN_MS}).rowcount == 1
    first = not again and connection.execute(_FIRST, given).rowcount == 1
    if not (again or first):
        return False
    if view.entity and not view.bot:
        viewer = bool(view.viewer) and connection.execute(_VIEWER, {"key": view.viewer}).rowcount == 1
        total = {"key": view.entity, "sessions": int(first), "viewers": int(viewer), "at": view.at}
        connection.execute(_TOTAL, {**total, "anonymous": int(not view.viewer)})
    return True


def _total(row: Any) -> Total:
    return Total(row.views, row.sessions, row.viewers, row.anonymous, row.last_viewed, bool(row.hidden))


def _each(group: list[tuple[View, asyncio.Future[bool]]], do: Callable[[asyncio.Future[bool]], object]) -> None:
    for _, future in group:
        if not future.done():
            do(future)
