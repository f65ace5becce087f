"""Group commit: many requests share one frame and one sync of the log."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from trackway.log.protocol import LogUnavailable, Writable

MAX_WAITING = 64 * 1024 * 1024
MAX_GROUP = 8 * 1024 * 1024


class Committer:
    """Collects appends during a sync and writes them together when it is done.

    It belongs to one event loop. When more than `MAX_WAITING` bytes wait, further appends are refused.
    """

    def __init__(self, log: Writable) -> None:
        self._log = log
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="log")
        self._waiting: list[tuple[bytes, int, asyncio.Future[int]]] = []
        self._bytes = 0
        self._task: asyncio.Task[None] | None = None

    def append(self, record: bytes, count: int) -> asyncio.Future[int]:
        """Return a future of the record's first offset, done when the record is on disk.

        Raises:
            LogUnavailable: too much is waiting (raised at once), or the disk refuses the write (raised from the
                future).
        """
        if self._bytes > MAX_WAITING:
            raise LogUnavailable("too many messages are waiting for the disk")
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((record, count, future))
        self._bytes += len(record)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._commit())
        return future

    async def _commit(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                group = self._take()
                records, count = [item[0] for item in group], sum(item[1] for item in group)
                try:
                    first = await loop.run_in_executor(self._thread, self._log.write, records, count)
                    failure, refused = None, frozenset[int]()
                except LogUnavailable as error:
                    first, failure = 0, error
                    refused = frozenset(range(len(group))) if error.refused is None else error.refused
                for index, (_, messages, future) in enumerate(group):
                    if not future.done():
                        if failure is not None and index in refused:
                            future.set_exception(failure)
                        else:
                            future.set_result(first)
                    first += messages
        finally:
            self._task = None

    def _take(self) -> list[tuple[bytes, int, asyncio.Future[int]]]:
        size = taken = 0
        for record, _, _ in self._waiting:
            size += len(record)
            taken += 1
            if size >= MAX_GROUP:
                break
        group, self._waiting = self._waiting[:taken], self._waiting[taken:]
        self._bytes -= size
        return group

    async def close(self) -> None:
        """Wait for pending writes and stop the thread."""
        if self._task is not None:
            await self._task
        self._thread.shutdown()
