"""Waits in a running server until the store has been moved to the server of the settings."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from trackway.config import Settings
from trackway.store.refusals import shown
from trackway.store.unmoved import hold, unmoved

logger = logging.getLogger("trackway.move")
LOOK_S = 0.5
"""Seconds between two looks at the data directory."""


class AwaitMove:
    """A thread that waits for the end of the move.

    Args:
        begin: called when the server is the store; repeated while it cannot be used.
        trouble: told why nothing is stored, or the empty text.
    """

    def __init__(self, settings: Settings, begin: Callable[[], None], trouble: Callable[[str], None]) -> None:
        self._settings, self._begin, self._trouble = settings, begin, trouble
        self._lock = hold(settings.directory, "waits")
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._wait, name="move", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Wait no longer."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(10)
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()

    def _wait(self) -> None:
        while not self._ending.wait(LOOK_S):
            text = unmoved(self._settings.directory, self._settings.store_dsn)
            if not text:
                try:
                    self._begin()
                    self._trouble("")
                    self._release()
                    logger.info("the store has been moved; loading what was collected meanwhile")
                    return
                except Exception as error:
                    text = f"the server to which the store was moved cannot be used: {shown(error)}"
                    logger.exception("%s; trying again", text)
            self._trouble(text)
