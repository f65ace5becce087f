"""Reading from the accounts database where nobody can wait for it: a database that hangs must not stop collecting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_WITHIN_S = 2.0


class Reading:
    """Calls a function in a thread of its own and waits for it, for a few seconds at most.

    While a call has not ended, none is begun, and after that time nobody waits for it any more.

    Args:
        read: reads something and keeps it; what it raises is its own matter.
        within_s: seconds after the beginning of a call for which callers wait.
    """

    def __init__(self, read: Callable[[], None], within_s: float = _WITHIN_S) -> None:
        self._read, self._within_s = read, within_s
        self._thread: threading.Thread | None = None
        self._until, self._starting = 0.0, threading.Lock()

    def __call__(self) -> bool:
        """Read, or go on with what was read before; return whether it was read."""
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._read, name="reading accounts", daemon=True)
                self._until = time.monotonic() + self._within_s
                self._thread.start()
            thread, until = self._thread, self._until
        thread.join(max(0.0, until - time.monotonic()))
        return not thread.is_alive()
