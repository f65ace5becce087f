"""The committer of a log in Kafka: each request is answered as soon as the brokers have it.

The Kafka client sends waiting records in groups by itself. A partition without a leader delays only its own requests.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from functools import partial

from trackway.log.commit import MAX_WAITING, Committer
from trackway.log.kafka_writer import Sending
from trackway.log.protocol import LogUnavailable


class KafkaCommitter(Committer):
    """Appends records to a topic. It belongs to one event loop."""

    def __init__(self, writer: Sending) -> None:
        self._writer, self._loop = writer, asyncio.get_running_loop()
        self._bytes = 0
        self._open: set[asyncio.Future[int]] = set()
        self._settled: deque[tuple[asyncio.Future[int], int, str]] = deque()
        self._lock, self._woken = threading.Lock(), False

    def append(self, record: bytes, count: int) -> asyncio.Future[int]:  # noqa: ARG002 - numbers come with reading
        """Return a future that is done when all replicas in sync have the record.

        Raises:
            LogUnavailable: too much is waiting (raised at once), or the brokers refuse (raised from the future).
        """
        if self._bytes > MAX_WAITING:
            raise LogUnavailable("too many messages are waiting for Kafka")
        future: asyncio.Future[int] = self._loop.create_future()
        self._open.add(future)
        self._bytes += len(record)
        self._writer.send(record, partial(self._note, future, len(record)))
        return future

    def _note(self, future: asyncio.Future[int], size: int, problem: str) -> None:
        """Take an answer, in the writer's thread; the loop is woken once for all that come meanwhile."""
        with self._lock:
            self._settled.append((future, size, problem))
            woken, self._woken = self._woken, True
        if not woken:
            self._loop.call_soon_threadsafe(self._answer)

    def _answer(self) -> None:
        with self._lock:
            settled, self._settled, self._woken = self._settled, deque(), False
        for future, size, problem in settled:
            self._bytes -= size
            self._open.discard(future)
            if not future.done():
                if problem:
                    future.set_exception(LogUnavailable(problem))
                else:
                    future.set_result(0)

    async def close(self) -> None:
        """Wait for pending writes."""
        while self._open:
            await asyncio.wait(self._open)
