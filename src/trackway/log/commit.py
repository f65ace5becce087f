"""Group commit: many requests share one frame and one sync of the log."""

from __future__ import annotations

import asyncio
import threading
from queue import SimpleQueue

from trackway.log.protocol import LogUnavailable, Writable

MAX_WAITING = 64 * 1024 * 1024
MAX_GROUP = 8 * 1024 * 1024

_Group = list[tuple[bytes, int, asyncio.Future[int]]]
"""Records, with the number of messages and the future of each."""


class Committer:
    """Collects appends during a sync and writes them together when it is done.

    It belongs to one event loop. When more than `MAX_WAITING` bytes wait, further appends are refused.
    """

    def __init__(self, log: Writable) -> None:
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._waiting: _Group = []
        self._bytes = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._groups: SimpleQueue[_Group | None] = SimpleQueue()
        # An executor's thread costs several callbacks and futures for each group.
        self._thread = threading.Thread(target=self._write_groups, name="log", daemon=True)
        self._thread.start()

    def append(self, record: bytes, count: int) -> asyncio.Future[int]:
        """Return a future of the record's first offset, done when the record is on disk.

        Raises:
            LogUnavailable: too much is waiting (raised at once), or the disk refuses the write (raised from the
                future).
        """
        if self._bytes > MAX_WAITING:
            raise LogUnavailable("too many messages are waiting for the disk")
        future: asyncio.Future[int] = self._loop.create_future()
        self._waiting.append((record, count, future))
        self._bytes += len(record)
        if self._idle.is_set():
            self._idle.clear()
            self._loop.call_soon(self._next)  # after what else arrives in this turn of the loop
        return future

    def _next(self) -> None:
        """Write the next group, if anything waits."""
        if self._waiting:
            self._groups.put(self._take())
        else:
            self._idle.set()

    def _take(self) -> _Group:
        size = taken = 0
        for record, _, _ in self._waiting:
            size += len(record)
            taken += 1
            if size >= MAX_GROUP:
                break
        group, self._waiting = self._waiting[:taken], self._waiting[taken:]
        self._bytes -= size
        return group

    def _write_groups(self) -> None:
        """Write each group; runs in the thread."""
        while (group := self._groups.get()) is not None:
            first, failure = 0, None
            try:
                first = self._log.write([record for record, _, _ in group], sum(count for _, count, _ in group))
            except Exception as error:
                failure = error
            self._loop.call_soon_threadsafe(self._written, group, first, failure)
            del group

    def _written(self, group: _Group, first: int, failure: Exception | None) -> None:
        """Start the next group, and complete the futures of one that was written or refused."""
        self._next()
        refused = failure.refused if isinstance(failure, LogUnavailable) else None
        for index, (_, count, future) in enumerate(group):
            if not future.done():
                if failure is not None and (refused is None or index in refused):
                    future.set_exception(failure)
                else:
                    future.set_result(first)
            first += count

    async def close(self) -> None:
        """Wait for pending writes and stop the thread."""
        await self._idle.wait()
        self._groups.put(None)
        self._thread.join()
