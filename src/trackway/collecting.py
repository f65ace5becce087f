"""The runtime of a process that only collects: messages go to a log in Kafka, and nothing is kept in the process."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from pathlib import Path

from trackway import roles
from trackway.beside_collector import BesideCollector
from trackway.collect.pseudonym import DailySalt
from trackway.collect.views.ledger import Ledger
from trackway.config import Settings
from trackway.govern.database import AccountsUnavailable
from trackway.govern.first_start import FirstStart
from trackway.govern.loaders import Placement
from trackway.log import Committer
from trackway.operate import several
from trackway.operate.places import privacy_of
from trackway.runtime import Runtime
from trackway.store.connection import Store
from trackway.store.entities import Register
from trackway.store.progress_elsewhere import ProgressElsewhere
from trackway.store.recovery import kafka_log

_MOST_MB = 1024
"""Most memory of a lookup; the server refuses more than it allows to the reader."""


class CollectingRuntime(Runtime):
    """Log, accounts and collector. Any number of these processes may run, beside one with the role `all`.

    With the address of a store, which it only reads, it takes views and ends of sessions too.

    Raises:
        TopicUnusable: the topic cannot be reached.
        AccountsUnavailable: the accounts database cannot be opened, or has no project yet.
        LedgerUnavailable: the database of the views cannot be opened.
    """

    def _open(
        self,
        settings: Settings,
        directory: Path,  # noqa: ARG002
        on_first_start: Callable[[FirstStart], None],  # noqa: ARG002
        waits_for: str,
    ) -> None:
        self.log = kafka_log(settings.log, None)
        self._closers.append(self.log.close)
        self._open_accounts()
        if not self.accounts.projects():
            raise AccountsUnavailable(
                "the accounts database has no project; start the process with the role all first, which creates one, "
                "and give both the same setting accounts"
            )
        several.divide(settings, self.log, self.accounts)
        self.only_messages = waits_for or roles.only_messages(
            settings.store, settings.views, settings.accounts, settings.directory
        )
        """Why this process takes no views and ends no sessions; empty when it does."""

    def _wire(self, settings: Settings, directory: Path) -> None:
        self.privacy = privacy_of(settings, self._warn)
        self._salt = DailySalt(directory)
        self._committer: Committer | None = None
        self._bringing = None
        if self.only_messages:
            return
        # A server that is away when the process starts is asked when it is needed.
        begun = threading.Event()
        memory_mb = min(settings.engine_memory_mb, _MOST_MB)
        self.store = Store(settings.store_reader or settings.store, memory_mb=memory_mb, begun=begun)
        self._closers.append(self.store.close)
        begun.set()
        # The process with the role all brings to the log what this one leaves behind, so it needs no name that lasts.
        self.ledger = Ledger(settings.views_dsn, f"collector-{secrets.token_hex(8)}")
        self._closers.append(self.ledger.close)
        self.register = Register(self.accounts, self.store, self.ledger)
        progress = ProgressElsewhere(settings.log, settings.loaders, Placement(self.accounts.loaders))
        self.beside = BesideCollector(
            settings, self.accounts, self.store, self.ledger, self.register, self.log, progress
        )

    def status(self) -> tuple[bool, dict[str, object]]:
        """Return whether messages can be taken, and the state for health checks; this asks the brokers."""
        self.log.mark()
        trouble = self.log.trouble or self.accounts.unusable()
        state: dict[str, object] = {"ready": not trouble, "trouble": trouble, "warnings": self.warnings}
        if self.only_messages:
            state["only_messages"] = self.only_messages
        else:
            state["unlogged_views"] = self.unlogged_views()
        return not trouble, state

    async def finish(self) -> None:
        """Wait until the views that counted, and the log's last group, are written."""
        if not self.only_messages:
            await self.beside.finish()
        if self._committer is not None:
            await self._committer.close()
