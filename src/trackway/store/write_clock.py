"""A clock for rows that replace each other: the later write wins, also within one millisecond."""

from __future__ import annotations

import threading

from trackway.event import Millis, now


class WriteClock:
    """Gives each write a time later than that of every earlier write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: Millis = 0

    def next(self) -> Millis:
        """Return the time of a new write."""
        with self._lock:
            self._last = max(now(), self._last + 1)
            return self._last
