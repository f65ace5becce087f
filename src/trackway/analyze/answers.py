"""Cache of answers: identical questions are computed once, and not again until the data change."""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from trackway.govern.tables import Project

Version = tuple[int, ...]


def settings_of(project: Project) -> list[Any]:
    """Return the project settings that answers depend on; they are part of the cache key."""
    return [
        project.id,
        project.timezone,
        project.currency,
        project.goals,
        project.overruled_bot_reasons,
        project.metrics,
        project.metrics_version,
    ]


class CachedAnswer(NamedTuple):
    """A cached answer as JSON, with the version of its data, the time it was made (seconds since 1970) and the
    milliseconds it took.
    """

    body: bytes
    version: Version
    made_at: float
    took_ms: float


class Answers:
    """The newest answers; the least recently used ones are dropped first.

    Args:
        most_bytes: the size limit of all cached answers together.
    """

    def __init__(self, most_bytes: int = 64 * 1024 * 1024) -> None:
        self._cached: OrderedDict[str, CachedAnswer] = OrderedDict()
        self._size, self._most = 0, most_bytes
        self._under_way: dict[tuple[str, Version], asyncio.Task[CachedAnswer]] = {}
        self._waiting: dict[asyncio.Task[CachedAnswer], int] = {}

    def find(self, key: str, version: Version, max_age_s: float = 0, cached_s: float = math.inf) -> CachedAnswer | None:
        """Find an answer computed from this version of the data at most `cached_s` seconds ago, or from any version at
        most `max_age_s` seconds ago.

        With a negative `max_age_s`, cached answers are ignored.
        """
        cached = self._cached.get(key)
        if cached is None or max_age_s < 0:
            return None
        age = time.time() - cached.made_at
        if age > max_age_s and (cached.version != version or age > cached_s):
            return None
        self._cached.move_to_end(key)
        return cached

    async def make(
        self, key: str, version: Version, compute: Callable[[], Awaitable[bytes]], cancel: Callable[[], None]
    ) -> CachedAnswer:
        """Compute an answer, or wait for an identical computation that is already running.

        `cancel` is called when everybody who waits for the answer has been cancelled.
        """
        name = (key, version)
        task = self._under_way.get(name)
        if task is None:
            task = asyncio.ensure_future(self._compute(key, version, compute))
            self._under_way[name] = task
            task.add_done_callback(lambda done: self._leave(name, done))
        self._waiting[task] = self._waiting.get(task, 0) + 1
        try:
            return await asyncio.shield(task)
        finally:
            self._waiting[task] -= 1
            if not self._waiting[task]:
                del self._waiting[task]
                if not task.done():
                    # A new caller must not join a computation that is being cancelled.
                    self._leave(name, task)
                    cancel()

    def _leave(self, name: tuple[str, Version], task: asyncio.Task[CachedAnswer]) -> None:
        if self._under_way.get(name) is task:
            del self._under_way[name]
        if task.done() and not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not log it as never retrieved

    async def _compute(self, key: str, version: Version, compute: Callable[[], Awaitable[bytes]]) -> CachedAnswer:
        started = time.perf_counter()
        body = await compute()
        cached = CachedAnswer(body, version, time.time(), (time.perf_counter() - started) * 1000)
        if old := self._cached.pop(key, None):
            self._size -= len(old.body)
        self._cached[key] = cached
        self._size += len(body)
        while self._size > self._most and self._cached:
            _, dropped = self._cached.popitem(last=False)
            self._size -= len(dropped.body)
        return cached
