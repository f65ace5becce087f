"""The loader process: the loader, and the engine process that it starts, beside the server that collects and answers.

`LoaderProcess` (store/loader_process.py) starts this module as a program. It ends at once when the server is gone, and
the engine process with it.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from trackway.store.engine_memory import leave_out, release_unused

leave_out("pandas")

from trackway.enrich.pipeline import adjust_sources  # noqa: E402
from trackway.log.protocol import DirectoryUnusable  # noqa: E402
from trackway.log.segments import Segments  # noqa: E402
from trackway.log.shared_end import SharedEnd  # noqa: E402
from trackway.store.connection import Store  # noqa: E402
from trackway.store.engine import EngineProcess, EngineUnavailable, end_orphan  # noqa: E402
from trackway.store.loader import Loader  # noqa: E402
from trackway.store.loader_calls import Done, EngineState, Order, State, Task, receive, send  # noqa: E402
from trackway.store.recovery import recover  # noqa: E402
from trackway.store.refusals import QuestionFailed, StoreUnavailable  # noqa: E402

logger = logging.getLogger("trackway.store.loader_main")
_REFUSALS = QuestionFailed, StoreUnavailable, EngineUnavailable, DirectoryUnusable, OSError
_TELL_S = 0.02
"""Seconds between two looks at what changed."""


class Program:
    """The loader process.

    Args:
        orders: the connection over which the server gives orders.
        news: the connection over which each side says what needs no answer.
        shared_end: the end of the log.
    """

    def __init__(self, orders: Connection, news: Connection, shared_end: SharedEnd) -> None:
        self._orders, self._news, self._shared_end = orders, news, shared_end
        self._store: Store | None = None
        self._loader: Loader | None = None
        self._telling, self._told, self._sent = threading.Lock(), State(EngineState()), 0
        self._versions: dict[bytes, int] = {}

    def run(self) -> None:
        """Obey until the server is gone."""
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            order = receive(self._orders, Order)
            try:
                self._obey(order)
                done = Done()
            except Exception as error:
                if not isinstance(error, _REFUSALS):
                    logger.exception("the order %s failed", order.name)
                kind = OSError if isinstance(error, OSError) else type(error)
                done = Done(kind.__name__, getattr(error, "full", str(error)), str(error))
            self._tell()  # whoever gave the order sees the state after it
            done.told = self._sent
            send(self._orders, done)

    def _obey(self, order: Order) -> None:
        loader = self._loader
        if order.name == "open":
            assert order.task is not None
            self._open(order.task)
        elif order.name == "load":
            self._load()
        else:
            assert loader is not None
            do: dict[str, Callable[[], object]] = {
                "start": loader.start, "hold": loader.store_lock.__enter__,
                "release": partial(loader.store_lock.__exit__, None, None, None), "checkpoint": loader.checkpoint,
            }  # fmt: skip
            do[order.name]()

    def _open(self, task: Task) -> None:
        """Open the store, whose engine process starts."""
        adjust_sources(task.passing_hosts, task.internal_domains)
        self._task, directory, local = task, Path(task.directory), Path(task.store)
        self._log = Segments(directory / "log", self._shared_end)
        if task.recover:
            end_orphan(local)
            recover(directory / "loader", local, self._log)
        self._store = Store(f"local://{local}", clients=2, memory_mb=task.memory_mb)

    def _load(self) -> None:
        """Open the loader: the tables are there."""
        task, directory = self._task, Path(self._task.directory)
        assert self._store is not None
        self._loader = Loader(
            self._log, self._store, directory / "loader", task.batch_messages, task.batch_seconds, task.keep_log_hours,
            Path(task.store), task.checkpoint_seconds, Path(task.archive) if task.archive else None,
        )  # fmt: skip
        self._store.durability.settle = self._loader.checkpoint
        gc.freeze()
        gc.set_threshold(100_000, 20, 50)
        threading.Thread(target=self._keep_telling, name="telling", daemon=True).start()

    def _keep_telling(self) -> None:
        pause = threading.Event()
        while not pause.wait(_TELL_S):
            try:
                self._tell()
            except OSError:
                return  # the server is gone

    def _tell(self) -> None:
        """Send the state if it changed."""
        with self._telling:
            state = self._state()
            if state != self._told:
                self._told, self._sent = state, self._sent + 1
                send(self._news, state)

    def _state(self) -> State:
        if self._store is None:
            return State(EngineState())
        assert isinstance(self._store.engine, EngineProcess)
        loader, engine = self._loader, self._store.engine.state()
        if loader is None:
            return State(engine)
        stored = loader.stored  # first: persons that it merged are in the number that is read after it
        versions = loader.versions.copy()
        fresh = {project: number for project, number in versions.items() if self._versions.get(project) != number}
        self._versions = versions
        return State(
            engine, True, stored, loader.durable, loader.dead_letters, loader.lost, loader.trouble, loader.stalled(),
            loader.unfinished, self._store.persons.version, self._store.durability.generation, fresh,
        )  # fmt: skip

    def _listen(self) -> None:
        """Do what the server says; end at once when it is gone."""
        with suppress(EOFError, OSError):
            while (said := receive(self._news, str)) != "stop":
                if said == "purge" and self._store is not None:
                    self._store.engine.release_memory()
                    release_unused()
            self._stop()
        os.kill(os.getpid(), signal.SIGKILL)

    def _stop(self) -> None:
        try:
            if self._loader is not None:
                self._loader.stop()
        except Exception:
            logger.exception("what was stored last is not durable; the next start stores it again")
        if self._store is not None:
            self._store.close()
        logging.shutdown()
        os._exit(0)


def main(orders: int, news: int, shared_end: int, lock: int) -> None:  # noqa: ARG001
    """Obey the server at the other end of two sockets; the lock of the loader's directory is held until this ends."""
    for name in (signal.SIGINT, signal.SIGTERM):
        # A terminal or a service manager sends these to the whole group; the process that started this one decides.
        signal.signal(name, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        Program(Connection(orders), Connection(news), SharedEnd(shared_end)).run()
    except (EOFError, OSError):
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(*map(int, sys.argv[2:]))  # the first is the directory, by which the process is found
