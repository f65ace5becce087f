"""Write keys, as the collector looks them up."""

from __future__ import annotations

import logging
import time

from sqlalchemy.exc import SQLAlchemyError

from trackway.govern.database import GovernDatabase

logger = logging.getLogger("trackway.govern")


class WriteKeys:
    """Cache of write keys; read again every few seconds, and when an unknown key arrives (once a second at most)."""

    def __init__(self, accounts: GovernDatabase, seconds: float = 5.0) -> None:
        self._accounts = accounts
        self._seconds = seconds
        self._keys = accounts.write_keys()
        self._read_at = time.monotonic()

    def project_of(self, write_key: str) -> bytes | None:
        """Return the project's id as 16 bytes, or None for an unknown key."""
        age = time.monotonic() - self._read_at
        if age > self._seconds or (write_key not in self._keys and age > 1):
            try:
                self._keys = self._accounts.write_keys()
            except SQLAlchemyError as error:  # clients with a valid key must be able to go on sending
                logger.error(
                    "write keys cannot be read; the last known ones stay in use: %s", getattr(error, "orig", error)
                )
            self._read_at = time.monotonic()
        return self._keys.get(write_key)
