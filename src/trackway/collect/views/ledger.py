"""The view ledger: it counts one view per entity and session in 24 hours, from the last counted one.
See docs/decisions/0009-views.md.

The decision is a row in a database, so that it is right with any number of repeats at once, after restarts, and with
several collectors on one database. The message of a counted view is kept beside the decision until the log has it, so
that a process that dies between the two loses nothing and counts nothing twice. Rows of a table are changed in the
order of their keys, and tables always in the same order, so that collectors wait for each other but never in a circle.
The totals of each entity are kept too, so that reading them needs no question to the store.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import xxhash
from sqlalchemy import Connection, Engine, bindparam, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from trackway.event import Millis
from trackway.lite import engine_of, fault
from trackway.statements import Statements

AGAIN_MS: Millis = 24 * 60 * 60 * 1000
"""The time after which another view by the same session counts."""
LEDGER_GONE = (
    "restore it from a backup, or remove it: views of the last 24 hours may count a second time then, and "
    "`trackway refresh` recomputes the totals from the events"
)
"""The remedy for a damaged ledger."""
_MOST, _MOST_ADDED = 500, 5_000
_CREATING = 0x7472_6163_7677
"""The advisory lock in PostgreSQL of who creates the tables."""
_SOON_S = 0.5
KEEP_MS: Millis = 90 * AGAIN_MS
"""The time for which the ledger remembers that a session viewed an entity; unique sessions are exact for that time."""
_sql = Statements(__name__)
_SCHEMA = (
    "create_counted_views", "create_entity_viewers", "create_view_totals", "create_pending_views",
    "create_counted_views_at", "create_view_positions",
)  # fmt: skip
_COUNT_AGAIN, _COUNT_FIRST = text(_sql("count_again")), text(_sql("count_first"))
_ADD_VIEWER, _ADD_TO_TOTAL = text(_sql("add_viewer")), text(_sql("add_to_total"))
_ADD_PENDING, _DELETE_PENDING = text(_sql("add_pending")), text(_sql("delete_pending"))
_SET_COUNTED, _SET_POSITION = text(_sql("set_counted")), text(_sql("set_position"))
_TOTALS_OF, _COUNTED, _VIEWERS = (
    text(_sql(name)).bindparams(bindparam("keys", expanding=True)) for name in ("totals_of", "counted", "viewers")
)


def entity_key(project_id: bytes, entity_type: str, entity_id: str) -> bytes:
    """Return 16 bytes (XXH3) that stand for an entity of a project."""
    name = f"{entity_type}\x00{entity_id}"
    return bytes(xxhash.xxh3_128_digest(project_id + name.encode(errors="surrogatepass")))


def view_key(entity: bytes, session_or_user: str) -> bytes:
    """Return 16 bytes (XXH3) that stand for an entity together with a session or a user of its project."""
    return bytes(xxhash.xxh3_128_digest(entity + session_or_user.encode(errors="surrogatepass")))


class View(NamedTuple):
    """A view that may count: its entity and session (`key`), its time, and its record for the log.

    `viewer` stands for the entity and the user when somebody is signed in. A bot's view is not in the totals.
    """

    key: bytes
    at: Millis
    record: bytes
    entity: bytes = b""
    viewer: bytes = b""
    bot: bool = False

    @property
    def pending(self) -> bytes:
        """The key of its record until the log has it. A later view of the same session has another one."""
        return self.key + self.at.to_bytes(8, "big")


class Total(NamedTuple):
    """The totals of an entity's views; `last_viewed` in milliseconds since 1970, 0 for never."""

    views: int
    sessions: int
    viewers: int
    anonymous: int
    last_viewed: Millis
    hidden: bool


class LedgerUnavailable(Exception):
    """The database of the view ledger cannot be opened; the text names it and the reason."""


class Ledger:
    """Decides about many views in one transaction, in its own thread.

    Args:
        dsn: an SQLAlchemy URL, of SQLite or PostgreSQL.
        collector: the id of this collector, which appends to the log the views that it kept and did not log.

    Raises:
        LedgerUnavailable: the database cannot be opened.
    """

    def __init__(self, dsn: str, collector: str) -> None:
        try:
            url = make_url(dsn)
        except SQLAlchemyError as error:
            raise LedgerUnavailable(
                "TRACKWAY_VIEWS, the address of the view ledger, is not an SQLAlchemy address"
            ) from error
        lite = url.get_backend_name() == "sqlite"
        try:
            self._engine: Engine = engine_of(url, busy_s=10.0)
            with self._engine.begin() as connection:
                if not lite:
                    # In spite of IF NOT EXISTS, PostgreSQL refuses one of two processes that create a table at once.
                    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _CREATING})
                for name in _SCHEMA:
                    connection.execute(text(_sql(name, binary="BLOB" if lite else "BYTEA")))
        except (SQLAlchemyError, ImportError, OSError) as error:
            shown = (lite and url.database) or url.render_as_string(hide_password=True)
            raise LedgerUnavailable(f"the view ledger {shown} {fault(error, LEDGER_GONE)}") from error
        self._collector = collector
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="views")
        self._waiting: list[tuple[View, asyncio.Future[bool]]] = []
        self._logged: deque[bytes] = deque()
        self._task: asyncio.Task[None] | None = None
        self._soon: asyncio.TimerHandle | None = None
        self._writing: asyncio.Future[Any] | None = None
        self.settle: Callable[[], None] = lambda: None
        """Waits until the database has the views that counted so far; called before totals are read."""

    def unlogged(self) -> list[tuple[bytes, bytes]]:
        """Return pending key and record of the views that counted and that this collector's log may lack."""
        with self._engine.begin() as connection:
            rows = connection.execute(text(_sql("unlogged")), {"collector": self._collector})
            return [(bytes(row.key), bytes(row.record)) for row in rows]

    def left_behind(self, before: Millis) -> list[tuple[bytes, bytes]]:
        """Return pending key and record of the oldest views, at most 500, of any collector, that counted before a time
        and that the log may lack.
        """
        values = {"before": before.to_bytes(8, "big"), "most": _MOST}
        with self._engine.begin() as connection:
            rows = connection.execute(text(_sql("left_behind")), values)
            return [(bytes(row.key), bytes(row.record)) for row in rows]

    def waiting(self, before: Millis) -> int:
        """Return the number of views, of all collectors, that counted before a time and that the log may lack."""
        with self._engine.connect() as connection:
            return connection.execute(text(_sql("waiting")), {"before": before.to_bytes(8, "big")}).scalar() or 0

    async def counts(self, view: View) -> bool:
        """Return whether a view counts. If it does, append its record to the log, then call `logged` with `pending`."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((view, future))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._decide())
        return await future

    def logged(self, key: bytes) -> None:
        """Record that the log has the view with this pending key; written with the next decisions, or after half a
        second.
        """
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
        """Forget counted views that are at least KEEP_MS older than `before`; return their number."""
        with self._engine.begin() as connection:
            return connection.execute(text(_sql("forget")), {"at": before - KEEP_MS}).rowcount

    def totals_of(self, entities: list[bytes]) -> dict[bytes, Total]:
        """Return the totals of entities by their key; entities without views are left out."""
        self.settle()
        with self._engine.connect() as connection:
            rows = connection.execute(_TOTALS_OF, {"keys": entities})
            return {bytes(row.key): _total(row) for row in rows}

    def hide(self, hidden: dict[bytes, bool]) -> None:
        """Hide the totals of entities from the public, or show them again."""
        if hidden:
            with self._engine.begin() as connection:
                rows = [{"key": key, "hidden": value} for key, value in sorted(hidden.items())]
                connection.execute(text(_sql("hide")), rows)

    def set_totals(self, totals: dict[bytes, Total]) -> None:
        """Set totals to the values computed from the events."""
        if totals:
            with self._engine.begin() as connection:
                connection.execute(
                    text(_sql("set_totals")), [{"key": key, **total._asdict()} for key, total in sorted(totals.items())]
                )

    def counted(self, keys: list[bytes]) -> dict[bytes, Millis]:
        """Return the times of the last counted views with these keys."""
        with self._engine.connect() as connection:
            return _by_key(connection, keys)

    def add(self, views: list[View], log_id: str, position: int) -> None:
        """Add views that counted elsewhere, in their order, with the offset of the log below which all are known.

        Views that were added before change nothing.
        """
        with self._engine.begin() as connection:
            for part in _distinct(views):
                _add(connection, part)
            connection.execute(_SET_POSITION, {"log": log_id, "position": position})

    def positions(self) -> dict[str, int]:
        """Return by the id of a log the offset below which all counted views are known; see `add`."""
        with self._engine.connect() as connection:
            return {row.log: row.position for row in connection.execute(text(_sql("positions")))}

    def newest(self) -> Millis:
        """Return the time of the newest counted view; 0 when none has been counted."""
        with self._engine.connect() as connection:
            return connection.execute(text(_sql("newest_counted"))).scalar() or 0

    async def finish(self) -> None:
        """Wait for pending decisions, and write the keys that were logged."""
        if self._soon is not None:
            self._soon.cancel()
        under_way = [task for task in (self._task, self._writing) if task is not None]
        await asyncio.gather(*under_way, return_exceptions=True)
        await self._transacted([])

    def close(self) -> None:
        """Stop the thread and close the database."""
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
                    connection.execute(_DELETE_PENDING, [{"key": key} for key in sorted(logged)])
                decided = _decide(connection, views)
                pending = [
                    {"key": view.pending, "collector": self._collector, "record": view.record}
                    for view, counts in zip(views, decided, strict=True)
                    if counts
                ]
                if pending:
                    connection.execute(_ADD_PENDING, pending)
                return decided
        except BaseException:
            self._logged.extend(logged)
            raise


def _decide(connection: Connection, views: list[View]) -> list[bool]:
    """Decide which views count, and add those to the totals of their entities."""
    decided, firsts = [False] * len(views), set[bytes]()
    for place in sorted(range(len(views)), key=lambda place: views[place].key):
        values = {"key": views[place].key, "at": views[place].at}
        again = connection.execute(_COUNT_AGAIN, {**values, "again": AGAIN_MS}).rowcount == 1
        first = not again and connection.execute(_COUNT_FIRST, values).rowcount == 1
        decided[place] = again or first
        if first:
            firsts.add(views[place].key)
    counted = [view for view, counts in zip(views, decided, strict=True) if counts and view.entity and not view.bot]
    viewers = sorted({view.viewer for view in counted if view.viewer})
    new = {key for key in viewers if connection.execute(_ADD_VIEWER, {"key": key}).rowcount == 1}
    if counted:
        connection.execute(_ADD_TO_TOTAL, _summed(counted, firsts, new))
    return decided


def _summed(views: list[View], firsts: set[bytes], new: set[bytes]) -> list[dict[str, Any]]:
    """Return what views add to the totals of their entities.

    Args:
        firsts: the keys whose first view is among them.
        new: the viewers whose first view is among them.
    """
    firsts, new = set(firsts), set(new)
    totals: dict[bytes, dict[str, Any]] = {}
    for view in views:
        total = totals.setdefault(
            view.entity, {"key": view.entity, "views": 0, "sessions": 0, "viewers": 0, "anonymous": 0, "at": 0}
        )
        total["views"] += 1
        total["sessions"] += view.key in firsts
        total["viewers"] += view.viewer in new
        total["anonymous"] += not view.viewer
        total["at"] = max(total["at"], view.at)
        firsts.discard(view.key)
        new.discard(view.viewer)
    return [totals[key] for key in sorted(totals)]


def _by_key(connection: Connection, keys: list[bytes]) -> dict[bytes, Millis]:
    return {bytes(row.key): row.at for row in connection.execute(_COUNTED, {"keys": keys})}


def _distinct(views: list[View]) -> Iterator[list[View]]:
    """Yield the views in parts in which no key is twice."""
    part: dict[bytes, View] = {}
    for view in views:
        if view.key in part or len(part) == _MOST_ADDED:
            yield list(part.values())
            part = {}
        part[view.key] = view
    if part:
        yield list(part.values())


def _add(connection: Connection, views: list[View]) -> None:
    """Add views with distinct keys, and add them to the totals of their entities."""
    known = _by_key(connection, [view.key for view in views])
    views = [view for view in views if view.at > known.get(view.key, -1)]
    if not views:
        return
    shown = [view for view in views if view.entity and not view.bot]
    viewers = {view.viewer for view in shown if view.viewer}
    new = viewers - {bytes(row.key) for row in connection.execute(_VIEWERS, {"keys": list(viewers)})}
    for statement, rows in (
        (_SET_COUNTED, [{"key": view.key, "at": view.at} for view in views]),
        (_ADD_VIEWER, [{"key": key} for key in new]),
        (_ADD_TO_TOTAL, _summed(shown, {view.key for view in shown if view.key not in known}, new)),
    ):
        if rows:
            connection.execute(statement, rows)


def _total(row: Any) -> Total:
    return Total(row.views, row.sessions, row.viewers, row.anonymous, row.last_viewed, bool(row.hidden))


def _each(group: list[tuple[View, asyncio.Future[bool]]], do: Callable[[asyncio.Future[bool]], object]) -> None:
    for _, future in group:
        if not future.done():
            do(future)
