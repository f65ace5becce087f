"""Views decided in memory: for one collector with a local log.

The log is the record of the views that counted: a view counts when its record is in the log, and is answered then. The
ledger's database gets the counted views and the totals afterwards, many in one transaction, with the offset of the log
up to which it has all of them. After a crash, the views behind that offset are read from the log.

A view whose key is not in memory is looked up in the database, unless memory reaches back 24 hours.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec
import zstandard

from trackway.collect.native import COUNTER, VIEW
from trackway.collect.views.ledger import AGAIN_MS, Ledger, View, entity_key, view_key
from trackway.event import Message, Millis, now, whole
from trackway.log import Committer, Gap, LogUnavailable
from trackway.log.local import LocalLog
from trackway.log.protocol import Read

logger = logging.getLogger("trackway.collect")

_MOST_KEYS = 200_000
"""Keys in each of the two generations that are kept in memory: about 35 MB each."""
_MOST_TOGETHER = 500
_SOON_S, _AFTER_FAILURE_S, _SELDOM_S = 0.25, 2.0, 10.0
"""Seconds until counted views are written to the database: usually, after a failure, and without any view."""
_MOST_BEHIND = 50_000
"""Messages after which the offset in the database is brought forward, although no view was among them."""


class ViewsInMemory:
    """Decides in the event loop.

    Args:
        ledger: a database that no other process writes views to.
        committer: appends records to the log.
        log: the log behind the committer.
    """

    def __init__(self, ledger: Ledger, committer: Committer, log: LocalLog) -> None:
        self._ledger, self._committer, self._log = ledger, committer, log
        self._counted: dict[bytes, Millis] = {}
        self._counted_before: dict[bytes, Millis] = {}
        self._position = catch_up(ledger, log)
        self._complete_since = max(now(), ledger.newest())
        """Every view that counted at this time or later is in memory."""
        self._deciding: dict[bytes, asyncio.Future[bool]] = {}
        self._to_look_up: list[View] = []
        self._looking_up: asyncio.Task[None] | None = None
        self._appending: dict[bytes, int] = {}
        """The keys of views that are being written to the log, each with an offset that is not above its own."""
        self._unwritten: list[View] = []
        """Views in the log that the database does not have yet."""
        self._loop, self._write_lock = asyncio.get_running_loop(), asyncio.Lock()
        self._next_write: asyncio.TimerHandle | None = None
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="views")
        ledger.settle = self._settle
        self._write_in(_SELDOM_S)

    async def count(self, view: View) -> bool:
        """Return whether a view counts; if it does, its record is in the log.

        Of views with the same key at once, the first is decided and the others wait for it: when it cannot be written,
        none of them counts.

        Raises:
            LogUnavailable: the log refuses the record.
            SQLAlchemyError: the database cannot be read.
        """
        decision = self._deciding.get(view.key)
        if decision is not None:
            await asyncio.shield(decision)
            return await self.count(view)
        decision = self._deciding[view.key] = self._loop.create_future()
        last = self._counted.get(view.key, self._counted_before.get(view.key))
        if last is None and view.at - self._complete_since < AGAIN_MS:
            self._to_look_up.append(view)
            if self._looking_up is None:
                self._looking_up = self._loop.create_task(self._look_up())
        else:
            self._decide(view, last)
        return await asyncio.shield(decision)

    def under_way(self) -> list[asyncio.Future[bool]]:
        """Return the views that are being decided."""
        return list(self._deciding.values())

    async def finish(self) -> None:
        """Wait until the views that counted are in the log and in the database."""
        while self._deciding:
            await asyncio.gather(*self._deciding.values(), return_exceptions=True)
        await self._write(at_least=0)  # the next start has nothing to read
        if self._next_write is not None:
            self._next_write.cancel()
        self._ledger.settle = lambda: None
        self._threads.shutdown()
        await self._ledger.finish()

    async def _look_up(self) -> None:
        """Decide about the waiting views after asking the database for all of them at once."""
        try:
            while self._to_look_up:
                views = self._to_look_up[:_MOST_TOGETHER]
                del self._to_look_up[:_MOST_TOGETHER]
                keys = [view.key for view in views]
                try:
                    known = await self._loop.run_in_executor(self._threads, self._ledger.counted, keys)
                except Exception as error:
                    for view in views:
                        self._end(view.key, error)
                    continue
                for view in views:
                    self._decide(view, known.get(view.key))
        finally:
            self._looking_up = None

    def _decide(self, view: View, last: Millis | None) -> None:
        if last is not None and view.at - last < AGAIN_MS:
            self._counted[view.key] = last
            self._end(view.key, False)
            return
        self._appending[view.key] = self._log.end
        try:
            appended = self._committer.append(view.record, 1)
        except LogUnavailable as error:
            del self._appending[view.key]
            self._end(view.key, error)
            return
        appended.add_done_callback(lambda done: self._appended(view, done))

    def _appended(self, view: View, appended: asyncio.Future[int]) -> None:
        """Take note of a record that is in the log or was refused, even when its sender is gone."""
        del self._appending[view.key]
        error = LogUnavailable("the process ends") if appended.cancelled() else appended.exception()
        if error is not None:
            self._end(view.key, error)
            return
        self._counted[view.key] = view.at
        self._unwritten.append(view)
        self._end(view.key, True)
        if len(self._unwritten) == 1:
            self._write_in(_SOON_S)

    def _end(self, key: bytes, outcome: bool | BaseException) -> None:
        decision = self._deciding.pop(key)
        if isinstance(outcome, bool):
            decision.set_result(outcome)
        else:
            decision.set_exception(outcome)
            decision.exception()  # the sender may be gone

    def _write_in(self, wait_s: float) -> None:
        if self._next_write is not None:
            self._next_write.cancel()
        self._next_write = self._loop.call_later(wait_s, lambda: asyncio.ensure_future(self._write_or_log()))

    async def _write_or_log(self) -> None:
        try:
            await self._write()
        except Exception as error:
            logger.error("counted views cannot be written to the ledger: %s; trying again", error)
            self._write_in(_AFTER_FAILURE_S)
        else:
            self._write_in(_SOON_S if self._unwritten else _SELDOM_S)

    async def _write(self, at_least: int = _MOST_BEHIND) -> None:
        """Write the views that counted to the database; without any, only its offset, when that is behind by at least
        so many messages. Raises SQLAlchemyError; they are written the next time.
        """
        async with self._write_lock:
            views, self._unwritten = self._unwritten, []
            position = min(self._appending.values(), default=self._log.end)
            if not views and position - self._position < at_least:
                return
            try:
                await self._loop.run_in_executor(self._threads, self._ledger.add, views, self._log.id, position)
            except BaseException:
                self._unwritten[:0] = views
                raise
            self._position = position
            if len(self._counted) > _MOST_KEYS:
                self._complete_since = max([self._complete_since, *self._counted_before.values()])
                self._counted_before, self._counted = self._counted, {}

    def _settle(self) -> None:
        """Wait, in another thread, until the database has the views that counted so far. Raises SQLAlchemyError."""
        if self._unwritten or self._write_lock.locked():
            asyncio.run_coroutine_threadsafe(self._write(), self._loop).result()


def catch_up(ledger: Ledger, log: LocalLog) -> int:
    """Write the views that only the log has to the ledger; return the offset below which the ledger has all of them.

    A ledger without an offset was written by a version that wrote the ledger first, so it has all of them. An empty
    one gets what the log still has.
    """
    positions = ledger.positions()
    if log.id in positions:
        position = min(max(positions[log.id], log.start), log.end)
    else:
        position = log.start if positions or not ledger.newest() else log.end
    end = log.end
    while position < end:
        views: list[View] = []
        for item in log.read(position, _MOST_BEHIND):
            position = item.last
            views += [] if isinstance(item, Gap) else _views_of(item)
        ledger.add(views, log.id, position)
    ledger.add([], log.id, position)
    return position


def _views_of(frame: Read) -> Iterator[View]:
    """Yield the counted views among the messages of a frame."""
    with contextlib.suppress(msgspec.MsgspecError, zstandard.ZstdError, struct.error):  # the loader reports them
        for arrival in frame.arrivals():
            for message in arrival.messages:
                if message.event == VIEW and (view := _view_of(arrival.project_id, whole(message))) is not None:
                    yield view


def _view_of(project_id: bytes, message: Message) -> View | None:
    """Return the view behind a message of the view counter; None for a message of another sender.

    A bot's view has a key of its own, so the key tells whether it is one.
    """
    context, properties = message.context or {}, message.properties or {}
    if (context.get("library") or {}).get("name") != COUNTER:
        return None
    _, key, at = str(message.message_id).split("-")
    entity = entity_key(project_id, str(properties["entity_type"]), str(properties["entity_id"]))
    viewer = view_key(entity, f"user {message.user_id}") if message.user_id else b""
    by_person = key == view_key(entity, f"session {context['sessionId']}").hex()
    return View(bytes.fromhex(key), int(at), b"", entity, viewer, not by_person)
