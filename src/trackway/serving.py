"""The runtime of a server whose loader has a process of its own: one with a local log and a local store."""

from __future__ import annotations

import threading

from trackway.config import Settings
from trackway.log import LocalLog
from trackway.runtime import Runtime
from trackway.store.connection import Store
from trackway.store.loader_process import LoaderProcess
from trackway.store.share import Share


class ServingRuntime(Runtime):
    """A runtime that collects and answers, beside a loader process that loads and owns the store's directory.

    With the setting `small`, one process does both, which is `Runtime`.
    """

    def _open_accounts(self) -> None:
        assert isinstance(self.log, LocalLog)
        self._process = LoaderProcess(self.settings, self.log)  # while the accounts are opened, it imports its modules
        self._closers.append(self._process.close)
        super()._open_accounts()

    def _open_store(self, settings: Settings, late: threading.Event | None) -> None:
        assert late is None
        engine = self._process.open()
        self.store = Store(settings.store_dsn, memory_mb=settings.engine_memory_mb, nice=5, engine=engine)

    def _open_loader(self, settings: Settings, share: Share | None) -> None:  # noqa: ARG002
        self._process.load(self.store)
        self.loader = self._process
        self._closers.append(self._process.stop)
