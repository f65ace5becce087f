"""The pace of batches: an insert costs about the same CPU time for one message as for hundreds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_LOOK_S = 0.05
_NEXT_LOOK_S, _LATER_LOOK_S, _QUIET_S = 0.02, 0.1, 2.0


class Pace:
    """Lets a batch fill: a message after a pause waits `seconds`, and small batches begin at least twice that apart.

    Args:
        messages: the number of messages that fills a batch, which then waits no longer.
        seconds: the time that the first message of a batch waits for others.
    """

    def __init__(self, messages: int, seconds: float) -> None:
        self._messages, self._seconds, self._began_at = messages, seconds, 0.0

    def wait(self, waiting: Callable[[], int], stopping: threading.Event) -> None:
        """Return when a batch shall begin, or when the loader ends.

        Args:
            waiting: returns the number of messages that wait.
        """
        until = max(time.monotonic(), self._began_at + self._seconds) + self._seconds
        while waiting() < self._messages and (left := until - time.monotonic()) > 0:
            if stopping.wait(min(left, _LOOK_S)):
                break
        self._began_at = time.monotonic()

    def rest(self, stopping: threading.Event) -> None:
        """Wait before the loader looks again for messages where there were none: longer after some seconds without a
        batch, as each look takes CPU time.
        """
        quiet = time.monotonic() - self._began_at > _QUIET_S
        stopping.wait(_LATER_LOOK_S if quiet else _NEXT_LOOK_S)
