"""The runtime of a loader beside others: it stores the messages of its projects, and does nothing else."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from trackway.config import Settings
from trackway.govern.first_start import FirstStart
from trackway.log import DirectoryUnusable
from trackway.operate import several
from trackway.runtime import Runtime
from trackway.store.connection import Store
from trackway.store.loader import Loader
from trackway.store.migration import pending, unknown
from trackway.store.progress import OtherLoader
from trackway.store.recovery import open_log, refuse_unknown
from trackway.store.refusals import QuestionFailed, shown
from trackway.store.share import Share

logger = logging.getLogger("trackway.loading")
_AGAIN_S = 1.0
_OWN = "SELECT count() AS n FROM system.tables WHERE database = currentDatabase() AND name = {name:String}"


class LoadingRuntime(Runtime):
    """Log, accounts, store and loader; any number of these processes runs beside one with the role `all`.

    The process with the role `all` creates the tables and brings them up to date; until it has, this one waits.

    Raises:
        LogInUse, TopicUnusable, BadCheckpoint, StoreUnavailable, AccountsUnavailable: a part cannot be opened.
    """

    def _open(
        self,
        settings: Settings,
        directory: Path,
        on_first_start: Callable[[FirstStart], None],  # noqa: ARG002
        waits_for: str,  # noqa: ARG002
    ) -> None:
        self.log, self._newest = open_log(directory, None, address=settings.log, number=settings.loader)
        self._closers.append(self.log.close)
        self._open_accounts()
        self.store = Store(settings.store_dsn, memory_mb=settings.engine_memory_mb, nice=5)
        self.store.scratch = f"_{settings.loader}"
        self._closers.append(self.store.close)
        self._first: OtherLoader | None = None
        self._share: Share | None = None
        self.stores: Loader | None = None
        """The loader, once the tables are there."""
        self._waits_for, self._stopping = "the process has just started", threading.Event()
        self._thread = threading.Thread(target=self._begin, name="beginning", daemon=True)
        self._closers.append(self._stop)

    def _wire(self, settings: Settings, directory: Path) -> None:
        """Nothing else works on log and store here."""

    def start(self) -> None:
        """Start loading, as soon as the tables are there."""
        self._thread.start()

    def _begin(self) -> None:
        while not self._stopping.is_set():
            before = self._waits_for
            try:
                self._waits_for = self._unready()
                if not self._waits_for:
                    self._load()
                    return
            except (QuestionFailed, DirectoryUnusable) as error:
                self._waits_for = str(error)
            except Exception as error:
                logger.exception("the loader cannot begin; trying again")
                self._waits_for = f"the loader cannot begin: {shown(error)}"
            if self._waits_for != before:
                logger.warning("nothing is stored yet: %s", self._waits_for)
            self._stopping.wait(_AGAIN_S)

    def _unready(self) -> str:
        """Return what the store lacks before this process may write to it; empty when it lacks nothing."""
        if scripts := pending(self.store):
            return f"the store lacks {scripts[0]}; the process with the role all brings it up to date at its start"
        if scripts := unknown(self.store.each[0]):
            return f"the store has {scripts[0]} of a newer version of Trackway; start that version here too"
        self._first = self._first or several.first_of(self.settings, self.accounts)
        self._first.ask()
        if self._first.stranger:
            return self._first.stranger
        own = f"moves{self.store.scratch}"
        if not self.store.ask(_OWN, {"name": own})["n"][0].as_py():
            return f"the store lacks {own}; restart the process with the role all with the same setting log"
        return ""

    def _load(self) -> None:
        settings, directory = self.settings, self.settings.directory / "loader"
        self._share = self._share or Share(self.accounts.loaders, settings.loader)
        share, projects = self._share, self.accounts.loaders.divided(settings.loader)
        if text := refuse_unknown(self._newest, directory, self.store, self.log, None, projects):
            self._warn(text)
        loader = Loader(
            self.log, self.store, directory, settings.batch_messages, settings.batch_seconds,
            settings.keep_log_hours, None, settings.checkpoint_seconds, None, share,
        )  # fmt: skip
        loader.checkpoint()  # tells the others which start this is
        self.stores = loader
        if not self._stopping.is_set():
            loader.start()

    def status(self) -> tuple[bool, dict[str, object]]:
        """Return whether messages are being stored, and the state for health checks."""
        self.log.mark()
        loader = self.stores
        trouble = self._waits_for if loader is None else loader.trouble or self.log.trouble or loader.stalled()
        try:
            self.store.check()
        except QuestionFailed as error:
            trouble = str(error)
        state = {"ready": not trouble, "loader": self.settings.loader, "logged": self.log.end}
        for name in ("stored", "durable", "dead_letters", "lost") if loader else ():
            state[name] = getattr(loader, name)
        return not trouble, {**state, "trouble": trouble, "warnings": self.warnings}

    def _stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        if self.stores is not None:
            self.stores.stop()

    async def finish(self) -> None:
        """Nothing is on its way to the log here."""
