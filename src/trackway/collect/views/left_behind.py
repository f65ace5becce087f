"""Views that counted and that the log may lack: their collector ended, or the log refused them.

The process with the role `all` appends them to the log. A view that the log has already is appended a second time at
worst, and its message id keeps it from being stored twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from trackway.collect.views.ledger import Ledger
from trackway.event import Millis, now
from trackway.log import Committer

logger = logging.getLogger("trackway.collect")
_AFTER_MS: Millis = 10_000
"""The age of a view that its collector should have brought to the log."""
_EVERY_S = 5.0


class LeftBehind:
    """Appends such views to the log.

    Args:
        ledger: has their records.
        committer: appends records to the log.
        stored: returns whether the store has the view of a record. Message ids are known for 7 days only, and a view
            may have waited for longer.
    """

    def __init__(self, ledger: Ledger, committer: Committer, stored: Callable[[bytes], Awaitable[bool]]) -> None:
        self._ledger, self._committer, self._stored = ledger, committer, stored
        self._said = ""

    async def of_before(self) -> None:
        """Append the views that this process counted before it ended."""
        for key, record in self._ledger.unlogged():
            await self._append(key, record)

    async def go_on(self) -> None:
        """Append the views of all collectors that are older than 10 s, again and again, until it is cancelled."""
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                left = await asyncio.to_thread(self._ledger.left_behind, now() - _AFTER_MS)
                # One that the log refuses does not keep the others out.
                appended = await asyncio.gather(*(self._append(*one) for one in left), return_exceptions=True)
                refused = [error for error in appended if isinstance(error, Exception)]
                said = f"{len(refused)} views wait in the ledger: {_short(refused[0])}" if refused else ""
            except Exception as error:
                said = f"views may wait in the ledger: {_short(error)}"
            if said and not self._said:
                logger.error(said)
            self._said = said

    async def _append(self, key: bytes, record: bytes) -> None:
        if not await self._stored(record):
            await self._committer.append(record, 1)
        self._ledger.logged(key)


def _short(error: Exception) -> str:
    """Return the text of an error, without the statement and the values that the database's client adds."""
    return str(getattr(error, "orig", error))
