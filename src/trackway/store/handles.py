"""Handles of the engine: each runs one statement at a time, and one on which a statement failed is never used again.

The embedded engine keeps in a handle the output of a statement that failed, was cancelled or timed out, and gives it to
the next statement, even of another caller. A new handle takes 17 ms; an old one cannot be proven empty.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clickhouse_connect.driver.client import Client


class NoHandle(Exception):
    """All handles are in use, or a new one cannot be opened; the text says which."""


class Handles:
    """A pool with a fixed number of places for handles.

    A place without a handle is filled by the next caller that takes it, so a failure to open a handle does not shrink
    the pool. Places with a handle are taken first, so as many handles are open as were ever in use at once.

    Args:
        open_client: opens a handle.
        count: the number of statements that can run at once; the first handle is opened now, others when needed.
        patience_s: seconds that a caller waits for a place.

    Raises:
        NoHandle: a handle cannot be opened.
    """

    def __init__(self, open_client: Callable[[], Client], count: int, patience_s: float = 30.0) -> None:
        self._open_client, self._count, self._patience_s = open_client, count, patience_s
        self._free: queue.LifoQueue[Client | None] = queue.LifoQueue()
        self._open: set[Client] = set()
        self._lock = threading.Lock()
        self._closed = False
        self.taken = 0
        """The number of statements so far."""
        try:
            for _ in range(count - 1):
                self._free.put(None)
            self._free.put(self._new())
        except BaseException:
            self.close()
            raise

    @contextmanager
    def take(self) -> Iterator[Client]:
        """Lend a handle for one statement; when the statement raises anything, the handle is closed.

        Raises:
            NoHandle: none is free within `patience_s`, or none can be opened.
        """
        try:
            client = self._free.get(timeout=self._patience_s)
        except queue.Empty:
            raise NoHandle(f"all handles of the engine have been in use for {self._patience_s:.0f} s") from None
        try:
            if self._closed:
                raise NoHandle("the store is closed")
            client = client or self._new()
            self.taken += 1
            yield client
        except BaseException:
            if client is not None:
                self._discard(client)
                client = None
            raise
        finally:
            self._free.put(client)

    @contextmanager
    def drained(self) -> Iterator[None]:
        """Take all places and close their handles; new statements wait meanwhile.

        Raises:
            NoHandle: a statement runs for longer than `patience_s`.
        """
        taken = 0
        try:
            for _ in range(self._count):
                client = self._free.get(timeout=self._patience_s)
                taken += 1
                if client is not None:
                    self._discard(client)
            yield
        except queue.Empty:
            raise NoHandle(f"a statement runs for more than {self._patience_s:.0f} s") from None
        finally:
            for _ in range(taken):
                self._free.put(None)

    def _new(self) -> Client:
        with self._lock:
            try:
                client = self._open_client()
            except Exception as error:
                raise NoHandle(str(error)) from error
            self._open.add(client)
            return client

    def _discard(self, client: Client) -> None:
        with self._lock:
            self._open.discard(client)
        with contextlib.suppress(Exception):
            client.close()

    def close(self) -> None:
        """Close every handle, each after its statement has ended; no new one is opened."""
        with self._lock:
            self._closed, clients = True, self._open
            self._open = set()
        for client in clients:
            client.close()
