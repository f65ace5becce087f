"""The loader in a process of its own, as the server that started it sees it: how far it is, its lock, and its engine.

The loader process owns the directory of the store, that of the loader, and the engine process. The server owns the log,
which the loader process reads, and the accounts. When the loader process dies, its engine dies with it; the server
starts it again, and it begins at its checkpoint. When the server dies, both die. See
docs/decisions/0024-loader-process.md.
"""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from trackway.config import Settings
from trackway.log import DirectoryUnusable, LocalLog
from trackway.store.connection import Store
from trackway.store.engine import BACK_WITHIN_S, EngineUnavailable, address_of, kill_orphan
from trackway.store.loader_calls import Done, EngineState, Order, State, receive, send, task_of
from trackway.store.process_lock import StillHeld, locked, sign
from trackway.store.refusals import QuestionFailed, StoreBusy, StoreUnavailable, shown

logger = logging.getLogger("trackway.store.loader_process")
_LONGEST_PAUSE_S = 10.0
_REFUSALS = QuestionFailed, StoreUnavailable, DirectoryUnusable, StillHeld, OSError


class LoaderProcess:
    """A loader process; started again when it dies.

    Args:
        settings: of the server.
        log: the log that it reads.

    Raises:
        StillHeld, OSError: it cannot be started.
    """

    def __init__(self, settings: Settings, log: LocalLog) -> None:
        self._settings, self._log = settings, log
        self._giving = threading.RLock()
        """Its holder gives orders; a new process is started only while nobody else has it."""
        self._heard, self._learned = threading.Condition(), 0
        self._ending, self._begun, self._loads = threading.Event(), False, False
        self._versions: dict[bytes, int] = {}
        self.lives = 0
        """The number of its starts."""
        self.engine_starts = 0
        """The number of starts of the engine process by those before this one."""
        self.state = State(EngineState())
        self.dead_letters, self.trouble = 0, ""
        self.engine, self.store_lock = LentEngine(self), _Lock(self)
        self.store: Store | None = None
        self._watching = threading.Thread(target=self._watch, name="loader-watch", daemon=True)
        self._launch()

    def open(self) -> LentEngine:
        """Have it open the store; return the engine. Raises StoreUnavailable."""
        try:
            self.order("open")
        except StoreBusy as error:
            raise StoreUnavailable(f"the loader process ended while it opened the store: {error.full}") from error
        self._watching.start()
        return self.engine

    # What it says

    @property
    def stored(self) -> int:
        """The log offset below which every message is in the store or is a dead letter."""
        return self.state.stored

    @property
    def durable(self) -> int:
        """The offset of the newest checkpoint."""
        return self.state.durable

    @property
    def lost(self) -> int:
        """The number of messages of the log that could not be read."""
        return self.state.lost

    @property
    def unfinished(self) -> bool:
        """Whether a server may have a part of a batch."""
        return self.state.unfinished

    def stalled(self) -> str:
        """Return why nothing was stored for 30 s although messages wait, or empty."""
        return self.state.stalled

    @property
    def pid(self) -> int:
        """The number of the process; 0 while there is none."""
        return self._process.pid if self._process.poll() is None else 0

    def version(self, project_id: UUID) -> int:
        """Return a number that grows whenever something of the project is stored."""
        return self._versions.get(project_id.bytes, 0)

    # What it is told

    def load(self, store: Store) -> None:
        """Have it open the loader: the tables of the store are there."""
        self.store, self._loads = store, True
        self.order("load")

    def start(self) -> None:
        """Have it load from now on."""
        with self._giving:
            self._begun = True
            self.order("start")

    def checkpoint(self) -> None:
        """Make everything that is stored now durable. Raises StoreBusy, OSError."""
        self.order("checkpoint")

    def stop(self) -> None:
        """Have it finish the current batch and write a checkpoint, and wait until it has ended."""
        self._ending.set()
        with self._giving:  # a process that is being started meanwhile is stopped too
            process = self._process
        self.say("stop")
        process.wait()

    def close(self) -> None:
        """End it now, whatever it is doing."""
        self._ending.set()
        self._process.kill()
        self._process.wait()
        self._kill_engine()

    def _kill_engine(self) -> None:
        assert self._settings.local_store is not None
        kill_orphan(self._settings.local_store)

    def say(self, text: str) -> None:
        """Say something that needs no answer."""
        with suppress(OSError):
            send(self._news, text)

    def order(self, name: str, recover: bool = False) -> None:
        """Give an order and wait until it is done. Raises what it failed with; StoreBusy when the process has ended."""
        with self._giving:
            try:
                send(self._orders, Order(name, task_of(self._settings, recover) if name == "open" else None))
                done = receive(self._orders, Done)
            except (EOFError, OSError) as error:
                raise StoreBusy("the loader process has ended and is being started again") from error
            with self._heard:
                self._heard.wait_for(lambda: self._learned >= done.told)
        if done.failure:
            raise _error(done)

    # Its life

    def _launch(self) -> None:
        """Start the process."""
        directory = (self._settings.directory / "loader").absolute()
        directory.mkdir(parents=True, exist_ok=True)
        lock = locked(directory)
        try:
            self._orders, orders = _pair()
            self._news, news = _pair()
            with orders, news:
                files = [orders.fileno(), news.fileno(), self._log.shared_end.file, lock]
                self._process = subprocess.Popen(  # noqa: S603
                    [sys.executable, "-P", "-m", "trackway.store.loader_main", str(directory), *map(str, files)],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=files,
                    env={name: value for name, value in os.environ.items() if not name.startswith("TRACKWAY_")},
                )  # fmt: skip
            sign(lock, self._process.pid)
        finally:
            os.close(lock)
        before = self.state
        # It begins at its checkpoint, which is at least the one that the process before told of.
        self.state = replace(before, engine=EngineState(), stored=before.durable, persons=0, generation=0, versions={})
        self.engine_starts += before.engine.starts
        self.lives, self._learned = self.lives + 1, 0
        self._hearing = threading.Thread(target=self._hear, args=(self._news,), name="loader-news", daemon=True)
        self._hearing.start()

    def _hear(self, news: Connection) -> None:
        """Take note of what one process says, until it ends."""
        with suppress(EOFError, OSError):
            while True:
                self._learn(receive(news, State))
        with self._heard:
            self.state.engine.alive, self._learned = False, sys.maxsize
            self._heard.notify_all()

    def _learn(self, state: State) -> None:
        before = self.state
        if not state.loaded:
            state = replace(before, engine=state.engine)
        if self.store is not None:
            if state.persons != before.persons:
                self.store.persons.stale()
            if state.generation != before.generation:
                self.store.durability.generation += 1
        # Versions of one life are below those of the next, so that no answer of before is taken for one of now.
        self._versions.update({project: (self.lives << 40) + number for project, number in state.versions.items()})
        if state.dead_letters != before.dead_letters:
            self.dead_letters = state.dead_letters
        if state.trouble != before.trouble:
            self.trouble = state.trouble
        with self._heard:
            self.state, self._learned = state, self._learned + 1
            self._heard.notify_all()

    def _watch(self) -> None:
        """Start the process again whenever it has ended, until the server stops."""
        pause = 0.0
        while True:
            began, status = time.monotonic(), self._process.wait()
            self._hearing.join()
            self._kill_engine()
            if self._ending.is_set():
                return
            pause = 0.0 if time.monotonic() - began > _LONGEST_PAUSE_S else min(pause * 2 + 0.2, _LONGEST_PAUSE_S)
            self._tell_trouble(f"the loader process ended (status {status}) and is being started again")
            self._ending.wait(pause)
            with self._giving:
                if self._ending.is_set():
                    return
                try:
                    self._start_again()
                except _REFUSALS as error:
                    self._tell_trouble(f"the loader process cannot be started again: {shown(error)}")
                    self._process.kill()

    def _start_again(self) -> None:
        if self.store is not None:
            self.store.durability.generation += 1
        self._launch()
        self.order("open", recover=True)
        if self.store is not None:
            self.store.persons.stale()
        if self._loads:
            self.order("load")
        if self._begun:
            self.order("start")
        self.trouble = ""

    def _tell_trouble(self, text: str) -> None:
        self.trouble = text
        logger.error("%s", text)


class LentEngine:
    """The engine process of a loader process, which says where it listens."""

    servers = 1

    def __init__(self, owner: LoaderProcess) -> None:
        self.owner = owner

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.owner.state.engine.alive

    @property
    def pid(self) -> int:
        """The number of the process; 0 while there is none."""
        return self.owner.state.engine.pid if self.alive else 0

    @property
    def starts(self) -> int:
        """The number of its starts, by all loader processes so far."""
        return self.owner.engine_starts + self.owner.state.engine.starts

    def ready(self) -> int:
        """Return the number of its start; wait for a few seconds while it is being started again.

        Raises:
            EngineUnavailable: it takes longer.
        """
        until = time.monotonic() + BACK_WITHIN_S
        while not self.alive:
            if time.monotonic() > until:
                raise EngineUnavailable("the engine is being started again")
            time.sleep(0.01)
        return self.starts

    def unanswered(self, start: int) -> None:
        """Do nothing: the process is watched."""

    def address(self, user: str) -> dict[str, Any]:
        """Return where it listens, and the user's password."""
        engine = self.owner.state.engine
        return address_of(user, engine.port, engine.path, engine.password)

    def release_memory(self) -> None:
        """Give unused memory back to the system."""
        self.owner.say("purge")

    def close(self) -> None:
        """End it, and the loader process."""
        self.owner.close()


class _Lock:
    """The lock of the loader, for threads of the server; a thread that has it may take it again.

    Raises:
        StoreBusy: the loader process has ended.
    """

    def __init__(self, owner: LoaderProcess) -> None:
        self._owner, self._depth, self._life = owner, 0, 0

    def __enter__(self) -> None:
        self._owner._giving.acquire()
        try:
            if not self._depth:
                self._owner.order("hold")
                self._life = self._owner.lives
        except BaseException:
            self._owner._giving.release()
            raise
        self._depth += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._depth -= 1
        try:
            if not self._depth:
                self._owner.order("release")
        except StoreBusy:
            if error is None:
                raise
        finally:
            self._owner._giving.release()


def _pair() -> tuple[Connection, Connection]:
    one, other = socket.socketpair()
    return Connection(one.detach()), Connection(other.detach())


def _error(done: Done) -> Exception:
    """Return the error with which an order failed."""
    kinds = {"StoreUnavailable": StoreUnavailable, "OSError": OSError}
    return kinds[done.failure](done.text) if done.failure in kinds else StoreBusy(done.text, done.shown)
