"""Reading from the accounts database where nobody can wait for it: a database that hangs must not stop collecting."""

from __future__ import annotations

import threading
from collections.abc import Callable

_WITHIN_S = 2.0


class Reading:
    """Calls a function in a thread of its own and waits for it, 2 s at most.

    While a call has not ended, nobody waits for it, and none is begun.

    Args:
        read: reads something and keeps it; what it raises is its own matter.
    """

    def __init__(self, read: Callable[[], None]) -> None:
        self._read = read
        self._thread: threading.Thread | None = None

    def __call__(self) -> None:
        """Read, or go on with what was read before."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._read, name="reading accounts", daemon=True)
            self._thread.start()
            self._thread.join(_WITHIN_S)
