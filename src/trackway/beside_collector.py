"""The endpoints beside the collector: views of entities, and the end of a session.

The process with the role `all` has them, and collectors that know the store.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

import msgspec

from trackway.collect import Collector
from trackway.collect.session_end import KnownSession, NotStoredYet, SessionEnder
from trackway.collect.views.counter import NoProof, Proof, ViewCounter, decider
from trackway.collect.views.ledger import Ledger
from trackway.collect.views.left_behind import LeftBehind
from trackway.config import Settings
from trackway.enrich.bot import reason
from trackway.event import Arrival
from trackway.govern.access.tokens import BadToken
from trackway.govern.database import GovernDatabase
from trackway.govern.identity.encryption import CannotDecrypt
from trackway.log import Committer, Log, LogUnavailable
from trackway.store.connection import Store
from trackway.store.entities import Register
from trackway.store.lookups import has_view, session
from trackway.store.progress import Mark
from trackway.store.refusals import QuestionFailed, StoreBusy


class Progress(Protocol):
    """The progress of the loaders."""

    def mark(self, project_id: UUID) -> Mark:
        """Return whether everything is stored that is in the log of the project's loader now, as a function.

        Raises:
            StoreBusy: it is not known, or this process does not know the loader; the function raises it too.
        """
        ...

    def waiting(self, project_id: UUID | None = None) -> int:
        """Return the number of messages that wait to be stored."""
        ...

    def version(self, project_id: UUID) -> int:
        """Return a number that grows with what is stored. Raises StoreBusy when this process knows no loader of it."""
        ...


class BesideCollector:
    """Makes the endpoints, and looks up for them in accounts, register, ledger and store.

    Args:
        store: at least with the rights to read.
        progress: of the loader of each project.
    """

    def __init__(
        self,
        settings: Settings,
        accounts: GovernDatabase,
        store: Store,
        ledger: Ledger,
        register: Register,
        log: Log,
        progress: Progress,
    ) -> None:
        self._settings, self._accounts, self._store, self._ledger = settings, accounts, store, ledger
        self._register, self._log, self._progress = register, log, progress
        self._counter: ViewCounter | None = None

    def view_counter(self, collector: Collector, committer: Committer) -> ViewCounter:
        """Return the view counter beside a collector, for the running event loop."""
        views = decider(self._ledger, committer, self._log, self._settings.shares_views)
        self._counter = ViewCounter(
            collector, views, self._counts, self._bot, self._prove, self._settings.trust_viewers
        )  # fmt: skip
        return self._counter

    def session_ender(self, collector: Collector, committer: Committer) -> SessionEnder:
        """Return the application that ends sessions by id, beside a collector, for the running event loop."""
        return SessionEnder(collector, committer, self._session)

    def left_behind(self, committer: Committer) -> LeftBehind:
        """Return the part that brings to the log the views that it may lack."""
        return LeftBehind(self._ledger, committer, self._is_stored)

    def under_way(self) -> Sequence[asyncio.Future[Any]]:
        """Return the views that are being decided or written to the log."""
        return () if self._counter is None else self._counter.under_way()

    async def finish(self) -> None:
        """Wait until the views that counted are in the log."""
        if self._counter is not None:
            await self._counter.finish()

    async def wait_until_stored(self, project_id: UUID, within_s: float = 10.0) -> bool:
        """Wait until what the project's loader has in its log now is stored; return whether it is."""
        until = time.monotonic() + within_s
        is_stored = await asyncio.to_thread(self._progress.mark, project_id)
        while not await asyncio.to_thread(is_stored):
            if time.monotonic() > until:
                return False
            await asyncio.sleep(0.02)
        return True

    async def _session(self, project_id: bytes, session_id: str, visitor_id: str) -> KnownSession | None:
        try:
            if not await self.wait_until_stored(UUID(bytes=project_id)):
                raise NotStoredYet(f"{self._progress.waiting(UUID(bytes=project_id))} messages wait to be stored")
            return await asyncio.to_thread(session, self._store, project_id, session_id, visitor_id)
        except QuestionFailed as error:
            raise NotStoredYet(f"the session cannot be looked up: {error}") from error

    async def _counts(self, project_id: bytes, entity_type: str, entity_id: str) -> bool:
        try:
            self._progress.version(UUID(bytes=project_id))  # refuses when the setting log does not name its loader
            return await self._register.counts(project_id, entity_type, entity_id)
        except StoreBusy as error:
            raise LogUnavailable(f"whether {entity_type} is registered is unknown: {error}") from error

    async def _is_stored(self, record: bytes) -> bool:
        return await asyncio.to_thread(has_view, self._store, msgspec.msgpack.decode(record, type=Arrival))

    def _bot(self, arrival: Arrival) -> str:
        bot_reason = reason(arrival.user_agent, arrival.browser, arrival.location.datacenter)
        return "" if bot_reason in self._register.overruled_bot_reasons(arrival.project_id) else bot_reason

    async def _prove(self, secret: str) -> Proof:
        if secret.count(".") == 2:
            try:
                let_in = await asyncio.to_thread(self._accounts.tokens.read, secret)
            except BadToken as error:
                raise NoProof(str(error)) from error
            except CannotDecrypt as error:
                raise LogUnavailable(f"a host's token cannot be checked by this process: {error}") from error
            return Proof(UUID(let_in.project.id).bytes, let_in.account.id)
        project = await asyncio.to_thread(self._accounts.project_of_secret, secret)
        if project is None:
            raise NoProof("no project has this secret key")
        return Proof(UUID(project.id).bytes, "")
