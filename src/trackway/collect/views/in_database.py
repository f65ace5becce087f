"""Views decided by the database: for several collectors on one, and for a log in Kafka.

A counted view is on disk in the ledger before it is answered. Its record goes to the log afterwards, and is taken off
the ledger when the log has it. What a collector did not bring to the log, `LeftBehind` does (left_behind.py).
"""

from __future__ import annotations

import asyncio
import logging

from trackway.collect.views.ledger import Ledger, View
from trackway.log import Committer, LogUnavailable

logger = logging.getLogger("trackway.collect")


class ViewsInDatabase:
    """Decides with `Ledger.counts`.

    Args:
        ledger: decides which views count.
        committer: appends records to the log.
    """

    def __init__(self, ledger: Ledger, committer: Committer) -> None:
        self._ledger, self._committer = ledger, committer
        self._logging: set[asyncio.Future[None]] = set()

    async def count(self, view: View) -> bool:
        """Return whether a view counts. If it does, it is on disk and will be in the log.

        Raises:
            SQLAlchemyError: the database cannot be written; the view does not count.
        """
        if not await self._ledger.counts(view):
            return False
        task = asyncio.ensure_future(self._log(view))
        self._logging.add(task)
        task.add_done_callback(self._logging.discard)
        return True

    def under_way(self) -> list[asyncio.Future[None]]:
        """Return the running appends of views that counted and are not in the log yet."""
        return list(self._logging)

    async def _log(self, view: View) -> None:
        try:
            await self._committer.append(view.record, 1)
        except LogUnavailable as error:
            logger.error("%s; a view waits in the ledger", error)
            return
        self._ledger.logged(view.pending)

    async def finish(self) -> None:
        """Wait until the views that counted are in the log."""
        while self._logging:
            await asyncio.gather(*self._logging, return_exceptions=True)
        await self._ledger.finish()
