"""Which views count: one an entity and session in 24 hours, from the last one that counted (DESIGN.md §5.6).

The decision is a row of a database, so that it is right under any number of repeats at once, over restarts, and with
several collectors on one database. A counted view's message is kept beside the decision until the log has it: a
process that dies between the two loses nothing and counts nothing twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import xxhash
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import make_url

from trackway.event import Millis

AGAIN_MS: Millis = 24 * 60 * 60 * 1000
"""After so long a view by the same session counts again."""
_MOST = 500
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS counted_views (key {bytes} PRIMARY KEY, at BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS pending_views (key {bytes} PRIMARY KEY, collector VARCHAR(64) NOT NULL, "
    "record {bytes} NOT NULL)",
    "CREATE INDEX IF NOT EXISTS counted_views_at ON counted_views (at)",
)
# The row changes, and is returned, only when the view counts: the database decides among all that come at once.
_COUNT = text(
    "INSERT INTO counted_views (key, at) VALUES (:key, :at) ON CONFLICT (key) DO UPDATE SET at = excluded.at "
    "WHERE counted_views.at <= excluded.at - :again RETURNING at"
)
_KEEP = text(
    "INSERT INTO pending_views (key, collector, record) VALUES (:key, :collector, :record) "
    "ON CONFLICT (key) DO UPDATE SET record = excluded.record, collector = excluded.collector"
)
_LOGGED = text("DELETE FROM pending_views WHERE key = :key")


def view_key(project_id: bytes, entity_type: str, entity_id: str, session_id: str) -> bytes:
    """16 bytes (XXH3) that stand for an entity and a session of a project."""
    whole = "\x00".join((entity_type, entity_id, session_id))
    return bytes(xxhash.xxh3_128_digest(project_id + whole.encode(errors="surrogatepass")))


class View(NamedTuple):
    """A view that may count: its key, when, and the record for the log if it does."""

    key: bytes
    at: Millis
    record: bytes


class Ledger:
    """Decides, many at once in one transaction, in a thread of its own.

    Args:
        dsn: an SQLAlchemy address; of SQLite or PostgreSQL.
        collector: which collector this is; it brings back what it kept and did not log.
    """

    def __init__(self, dsn: str, collector: str) -> None:
        url = make_url(dsn)
        if url.get_backend_name() == "sqlite" and url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        self._engine: Engine = create_engine(url)
        lite = url.get_backend_name() == "sqlite"
        if lite:
            event.listen(self._engine, "connect", _durable)
        with self._engine.begin() as connection:
            for statement in _SCHEMA:
                connection.execute(text(statement.format(bytes="BLOB" if lite else "BYTEA")))
        self._collector = collector
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="views")
        self._waiting: list[tuple[View, asyncio.Future[bool]]] = []
        self._logged: list[bytes] = []
        self._task: asyncio.Task[None] | None = None

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
        """The log has the view with this key. Written down with the next decisions."""
        self._logged.append(key)

    def forget(self, before: Millis) -> int:
        """Forget decisions that do not matter any more; return how many."""
        with self._engine.begin() as connection:
            return connection.execute(
                text("DELETE FROM counted_views WHERE at <= :at"), {"at": before - AGAIN_MS}
            ).rowcount

    async def close(self) -> None:
        """Write down what is logged, and end."""
        if self._task is not None:
            await self._task
        await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, [])
        self._thread.shutdown()
        self._engine.dispose()

    async def _decide(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                try:
                    decided = await loop.run_in_executor(self._thread, self._transact, [view for view, _ in group])
                except Exception as error:
                    _each(group, lambda future, error=error: future.set_exception(error))  # type: ignore[misc]
                    continue
                for (_, future), counted in zip(group, decided, strict=True):
                    if not future.done():
                        future.set_result(counted)
        finally:
            self._task = None

    def _transact(self, views: list[View]) -> list[bool]:
        logged, self._logged = self._logged, []
        try:
            with self._engine.begin() as connection:
                if logged:
                    connection.execute(_LOGGED, [{"key": key} for key in logged])
                decided = []
                for view in views:
                    given = {"key": view.key, "at": view.at, "again": AGAIN_MS}
                    counted = connection.execute(_COUNT, given).first() is not None
                    if counted:
                        kept = {"key": view.key, "collector": self._collector, "record": view.record}
                        connection.execute(_KEEP, kept)
                    decided.append(counted)
                return decided
        except BaseException:
            self._logged += logged
            raise


def _each(group: list[tuple[View, asyncio.Future[bool]]], do: Callable[[asyncio.Future[bool]], object]) -> None:
    for _, future in group:
        if not future.done():
            do(future)


def _durable(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA busy_timeout = 10000")
    cursor.close()
