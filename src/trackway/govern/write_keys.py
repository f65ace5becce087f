"""Write keys, as the collector looks them up."""

from __future__ import annotations

import logging
import time

from sqlalchemy.exc import SQLAlchemyError

from trackway.govern.database import GovernDatabase
from trackway.govern.reading import Reading

logger = logging.getLogger("trackway.govern")


class NoLoader(Exception):
    """A project whose messages this process cannot write: the setting `log` does not name its loader."""


class WriteKeys:
    """Cache of write keys; read again every few seconds, and when an unknown key arrives (once a second at most)."""

    def __init__(self, accounts: GovernDatabase, seconds: float = 5.0) -> None:
        self._accounts = accounts
        self._seconds = seconds
        self._keys, self._without_loader = accounts.write_keys(), accounts.loaders.unnamed()
        self._read_at, self._reading = time.monotonic(), Reading(self._read)

    def _read(self) -> None:
        try:
            self._keys, self._without_loader = self._accounts.write_keys(), self._accounts.loaders.unnamed()
        except SQLAlchemyError as error:  # clients with a valid key must be able to go on sending
            logger.error(
                "write keys cannot be read; the last known ones stay in use: %s", getattr(error, "orig", error)
            )
        self._read_at = time.monotonic()

    def project_of(self, write_key: str) -> bytes | None:
        """Return the project's id as 16 bytes, or None for an unknown key.

        Raises:
            NoLoader: the setting `log` of this process names fewer loaders than there are.
        """
        age = time.monotonic() - self._read_at
        if age > self._seconds or (write_key not in self._keys and age > 1):
            self._reading()
        project_id = self._keys.get(write_key)
        if project_id in self._without_loader:
            raise NoLoader(
                "the setting log of this process does not name the loader of the project; the operator has to give "
                "all processes the same number of loaders"
            )
        return project_id
