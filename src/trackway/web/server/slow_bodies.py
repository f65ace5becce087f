"""Limits on slow request bodies: the time for sending a body, and the number of unfinished bodies of one IP address.

A body has 15 seconds, plus one second for each 4,000 bytes that have arrived. All unfinished bodies are checked
together once a second, so that a request whose body arrives at once costs almost nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

GRACE_S = 15.0
BYTES_PER_S = 4_000
_LOOK_S = 1.0

Receive = Callable[[], Awaitable[dict[str, Any]]]
_DISCONNECT = {"type": "http.disconnect"}


class Body:
    """The body of one request; call it to receive the next part.

    `cut` is set when it took too long; the application then receives a disconnect.

    Args:
        length: the number of bytes in the body, if the request states it. The part that brings the last of them is then
            the last part; without it, the server says that the body is complete in one more part, which is empty.
    """

    __slots__ = ("_all", "_complete", "_length", "_receive", "_waiter", "address", "began", "cut", "size")

    def __init__(self, bodies: Bodies, receive: Receive, address: str, length: int | None) -> None:
        self._all, self._receive, self.address = bodies, receive, address
        self._length, self._complete = length, False
        self.began, self.size, self.cut = 0.0, 0, False
        self._waiter: asyncio.Task[Any] | None = None

    async def __call__(self) -> dict[str, Any]:
        """Receive the next part, or a disconnect when it took too long."""
        if self.cut:
            return _DISCONNECT
        if self._complete:
            return await self._disconnect()
        if not self.began:
            self.began = time.monotonic()
            self._all.add(self)
        task = self._waiter = asyncio.current_task()
        try:
            part = await self._receive()
        except asyncio.CancelledError:
            if not self.cut or task is None:
                raise
            task.uncancel()
            return _DISCONNECT
        finally:
            self._waiter = None
        self.size += len(part.get("body", b""))
        if part.get("more_body") and self.size == self._length:
            self._complete = True
            part = {**part, "more_body": False}
        if not part.get("more_body"):
            self._all.discard(self)
        return part

    async def _disconnect(self) -> dict[str, Any]:
        """Wait until the client is gone."""
        while (part := await self._receive())["type"] == "http.request":
            pass  # the server's own end of the body
        return part

    def stop(self) -> None:
        """Stop waiting for the rest of the body."""
        self.cut = True
        if self._waiter is not None:
            self._waiter.cancel()

    def end(self) -> None:
        """Stop watching the body: the request is answered."""
        self._all.discard(self)


class Bodies:
    """All unfinished bodies.

    Args:
        most: the number of bodies of one IP address that may take longer than a second; 0 for no limit.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: set[Body] = set()
        self._next: asyncio.TimerHandle | None = None

    def add(self, body: Body) -> None:
        """Watch a body until it is discarded."""
        self._waiting.add(body)
        if self._next is None:
            self._next = asyncio.get_running_loop().call_later(_LOOK_S, self._look)

    def discard(self, body: Body) -> None:
        """Stop watching a body: it is complete, or nobody waits for it."""
        self._waiting.discard(body)

    def _look(self) -> None:
        self._next, at = None, time.monotonic()
        slow: defaultdict[str, list[Body]] = defaultdict(list)
        for body in list(self._waiting):
            took = at - body.began
            if took > GRACE_S + body.size / BYTES_PER_S:
                body.stop()
            elif took >= _LOOK_S:
                slow[body.address].append(body)
        for bodies in slow.values():
            if self._most and len(bodies) > self._most:
                bodies.sort(key=lambda body: body.began)
                for body in bodies[: -self._most]:
                    body.stop()
        if self._waiting:
            self._next = asyncio.get_running_loop().call_later(_LOOK_S, self._look)
