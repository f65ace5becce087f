"""The recording clients: messages go into a queue, and a thread sends them."""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from trackway import __version__
from trackway.client.encoding import encoded, text_of
from trackway.client.sending import Refused, Sender
from trackway.ids import new_id

logger = logging.getLogger("trackway.client")

_LIBRARY = {"name": "trackway-python", "version": __version__}
_MOST_BYTES, _MOST_MESSAGES, _LARGEST = 500_000, 100, 32_768
_clients: weakref.WeakSet[Trackway] = weakref.WeakSet()

Ids = str | int | UUID | None
Values = Mapping[str, Any] | None
OnError = Callable[[str, list[dict[str, Any]]], object]


class Trackway:
    """Records messages from a Python program, in Segment's vocabulary.

    Calls return at once and never raise; a thread, started by the first call, sends batches. The queue holds
    `most_waiting` messages; when it is full, the oldest message is dropped and counted. After `fork`, the child has an
    empty queue and its own thread. At exit, waiting messages are sent, for at most `exit_timeout` seconds.

    Args:
        write_key: the project's write key.
        host: the URL of the Trackway server.
        interval: seconds for which messages are collected into a batch.
        most_waiting: the most messages that may wait.
        timeout: seconds to wait for one answer of the server.
        give_up_after: seconds after which a batch without an answer is dropped.
        exit_timeout: the most seconds by which the client may delay the end of the program.
        on_error: called in the sending thread with a text and the messages concerned; without it, errors are logged.
        enabled: False records nothing, for tests.

    Raises:
        ValueError: `host` is not an http URL.
    """

    def __init__(
        self,
        write_key: str,
        host: str = "http://127.0.0.1:8700",
        *,
        interval: float = 0.5,
        most_waiting: int = 10_000,
        timeout: float = 10.0,
        give_up_after: float = 300.0,
        exit_timeout: float = 5.0,
        on_error: OnError | None = None,
        enabled: bool = True,
    ) -> None:
        self._sender = Sender(write_key, host, timeout, give_up_after)
        self._interval, self._most_waiting, self._exit_timeout = interval, most_waiting, exit_timeout
        self._on_error, self._enabled = on_error, enabled
        self._warned = False
        self.dropped = 0
        """The number of dropped messages: the queue was full, or the server refused them or never answered."""
        self._reset()
        _clients.add(self)

    def _reset(self) -> None:
        """Start with an empty queue and no thread; a forked child starts so too."""
        self._queue: deque[bytes] = deque()
        self._sending = 0
        self._changed = threading.Condition()
        self._closing = self._urgent = False
        self._thread: threading.Thread | None = None

    def track(
        self, user_id: Ids = None, event: str = "", properties: Values = None, context: Values = None,
        timestamp: datetime | None = None, anonymous_id: Ids = None, message_id: str | None = None,
    ) -> None:  # fmt: skip
        """Record that somebody did something."""
        about = {"event": event, "properties": properties}
        self._record("track", user_id, anonymous_id, about, context, timestamp, message_id)

    def page(
        self, user_id: Ids = None, category: str | None = None, name: str | None = None, properties: Values = None,
        context: Values = None, timestamp: datetime | None = None, anonymous_id: Ids = None,
        message_id: str | None = None,
    ) -> None:  # fmt: skip
        """Record that somebody saw a page; `properties` may contain its `url`, `title` and `referrer`."""
        about = {"category": category, "name": name, "properties": properties}
        self._record("page", user_id, anonymous_id, about, context, timestamp, message_id)

    def screen(
        self, user_id: Ids = None, category: str | None = None, name: str | None = None, properties: Values = None,
        context: Values = None, timestamp: datetime | None = None, anonymous_id: Ids = None,
        message_id: str | None = None,
    ) -> None:  # fmt: skip
        """Record that somebody saw a screen of an app."""
        about = {"category": category, "name": name, "properties": properties}
        self._record("screen", user_id, anonymous_id, about, context, timestamp, message_id)

    def identify(
        self, user_id: Ids = None, traits: Values = None, context: Values = None, timestamp: datetime | None = None,
        anonymous_id: Ids = None, message_id: str | None = None,
    ) -> None:  # fmt: skip
        """Record who somebody is; with both ids, the visitor's past becomes the user's."""
        self._record("identify", user_id, anonymous_id, {"traits": traits}, context, timestamp, message_id)

    def group(
        self, user_id: Ids = None, group_id: Ids = None, traits: Values = None, context: Values = None,
        timestamp: datetime | None = None, anonymous_id: Ids = None, message_id: str | None = None,
    ) -> None:  # fmt: skip
        """Record that somebody belongs to a group."""
        about = {"groupId": group_id, "traits": traits}
        self._record("group", user_id, anonymous_id, about, context, timestamp, message_id)

    def alias(
        self, previous_id: Ids = None, user_id: Ids = None, context: Values = None,
        timestamp: datetime | None = None, message_id: str | None = None,
    ) -> None:  # fmt: skip
        """Record that two ids are one person."""
        self._record("alias", user_id, None, {"previousId": previous_id}, context, timestamp, message_id)

    def _record(
        self, kind: str, user_id: Ids, anonymous_id: Ids, about: dict[str, Any], context: Values,
        timestamp: datetime | None, message_id: str | None,
    ) -> None:  # fmt: skip
        if not self._enabled:
            return None
        try:
            at = timestamp or datetime.now(UTC)
            fields = {
                "type": kind,
                "messageId": message_id or str(new_id()),
                "timestamp": at.astimezone() if isinstance(at, datetime) and at.tzinfo is None else at,
                "userId": None if user_id is None else text_of(user_id),
                "anonymousId": None if anonymous_id is None else text_of(anonymous_id),
                **about,
                "context": {"library": _LIBRARY, **(context or {})},
            }
            present = {name: value for name, value in fields.items() if value is not None}
            message = encoded(present, lambda path: self._warn_not_finite(kind, path))
            if len(message) > _LARGEST:
                return self._failed(f"a message has {len(message)} bytes; at most {_LARGEST} are taken", [message])
            self._put(message)
        except Exception as error:  # whatever the values are, the host application must go on
            self.dropped += 1
            logger.error("a %s was not recorded: %s", kind, error)

    def _warn_not_finite(self, kind: str, path: str) -> None:
        """Warn once of a number that is not finite, which JSON cannot express."""
        if not self._warned:
            self._warned = True
            logger.warning("%s of a %s is not a finite number and is sent as null; so are others like it", path, kind)

    def _put(self, message: bytes) -> None:
        with self._changed:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="trackway", daemon=True)
                self._thread.start()
            if len(self._queue) >= self._most_waiting:
                self._queue.popleft()
                self.dropped += 1
                if self.dropped in (1, 100, 10_000):
                    logger.error("the queue is full; %d messages were dropped so far", self.dropped)
            self._queue.append(message)
            if len(self._queue) in (1, _MOST_MESSAGES):
                self._changed.notify_all()

    def _work(self) -> None:
        """Collect and send batches, until the client closes; this is the thread."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closing)
                if not self._queue:
                    return
                self._changed.wait_for(lambda: self._in_hurry() or len(self._queue) >= _MOST_MESSAGES, self._interval)
                batch: list[bytes] = []
                size = 0
                while self._queue and len(batch) < _MOST_MESSAGES and size < _MOST_BYTES:
                    size += len(self._queue[0])
                    batch.append(self._queue.popleft())
                self._sending = len(batch)
            try:
                rejected = self._sender.send(batch, self._wait)
                if rejected:
                    self._failed(f"the server rejected {len(rejected)} of {len(batch)} messages", [], rejected)
            except Exception as error:
                if not isinstance(error, Refused):
                    logger.exception("sending failed")
                self._failed(str(error), batch)
            with self._changed:
                self._sending = 0
                self._changed.notify_all()

    def _in_hurry(self) -> bool:
        return self._closing or self._urgent

    def _wait(self, seconds: float) -> None:
        """Wait before the next try; wait only briefly when the program ends."""
        if self._closing:
            seconds = min(seconds, 0.2)
        with self._changed:
            self._changed.wait_for(lambda: self._closing, seconds)

    def _failed(self, text: str, batch: list[bytes], rejected: list[dict[str, Any]] | None = None) -> None:
        concerned = rejected or [json.loads(message) for message in batch]
        self.dropped += len(concerned)
        try:
            if self._on_error is not None:
                self._on_error(text, concerned)
            else:
                logger.error("%s", text)
        except Exception:
            logger.exception("on_error failed")

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all messages so far were answered or dropped; return False after `timeout` seconds."""
        with self._changed:
            self._urgent = True
            self._changed.notify_all()
            try:
                return self._changed.wait_for(lambda: not self._queue and not self._sending, timeout)
            finally:
                self._urgent = False

    def close(self, timeout: float | None = None) -> bool:
        """Send waiting messages and end the thread; return as `flush` does. A later call starts another thread."""
        timeout = self._exit_timeout if timeout is None else timeout
        until = time.monotonic() + timeout
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread = self._thread
            is_empty = self._changed.wait_for(lambda: not self._queue and not self._sending, timeout)
        if thread is not None:
            thread.join(max(0.0, until - time.monotonic()))
        with self._changed:
            self._closing, self._thread = False, None
        return is_empty

    def __enter__(self) -> Trackway:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncTrackway(Trackway):
    """The client for asyncio: `flush` and `aclose` are awaited; recording does not wait, as in `Trackway`.

    async with AsyncTrackway("WRITE_KEY", "https://t.example.com") as trackway:
        trackway.track("user-1", "Order Completed")
    """

    async def flush(self, timeout: float | None = None) -> bool:  # type: ignore[override]
        """Do what `Trackway.flush` does, without stopping the event loop."""
        return await asyncio.to_thread(super().flush, timeout)

    async def aclose(self, timeout: float | None = None) -> bool:
        """Do what `Trackway.close` does, without stopping the event loop."""
        return await asyncio.to_thread(self.close, timeout)

    async def __aenter__(self) -> AsyncTrackway:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


@atexit.register
def _at_exit() -> None:
    for client in list(_clients):
        client.close()


def _reset_after_fork() -> None:
    for client in list(_clients):
        client._reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
