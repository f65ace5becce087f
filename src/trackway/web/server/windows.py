"""Counts in fixed windows of time, such as requests a minute of each address."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict


class Windows:
    """Counts by name. A name's window begins with its first count and ends after a fixed time.

    Args:
        most: the number of counts of a name in one window that are allowed.
        seconds: the length of a window.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        # All windows are equally long, so the first one in the dictionary is the first to end.
        self._windows: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = threading.Lock()

    def hit(self, name: str) -> int:
        """Count a name. Returns 0 when it is allowed, otherwise the seconds until its window ends."""
        at = time.monotonic()
        with self._lock:
            window = self._windows.get(name)
            if window is None or window[0] <= at:
                self._forget(at)
                window = self._windows[name] = [at + self._seconds, 0]
            window[1] += 1
            return 0 if window[1] <= self._most else _left(window, at)

    def full(self, name: str) -> int:
        """Return 0 when another count of a name would be allowed, otherwise the seconds until its window ends."""
        at = time.monotonic()
        window = self._windows.get(name)
        return 0 if window is None or window[0] <= at or window[1] < self._most else _left(window, at)

    def _forget(self, at: float) -> None:
        """Remove the windows that have ended."""
        while self._windows:
            name = next(iter(self._windows))
            if self._windows[name][0] > at:
                return
            del self._windows[name]


def _left(window: list[float], at: float) -> int:
    return max(1, math.ceil(window[0] - at))
