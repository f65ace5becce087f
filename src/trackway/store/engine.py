"""The engines that a store can talk to: a process that Trackway starts on a directory, or a ClickHouse server.

Both are ClickHouse's own HTTP interface, so the rest of the store does not know which one answers. See
docs/decisions/0017-engine-process.md.
"""

from __future__ import annotations

import contextlib
import http.client
import logging
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import OperationalError
from clickhouse_connect.driver.httputil import get_pool_manager

from trackway.store.engine_config import configuration, derived, for_curl, users
from trackway.store.loader_calls import EngineState
from trackway.store.process_lock import StillHeld, end_holder, kill_holder, locked, sign
from trackway.store.server import Server

logger = logging.getLogger("trackway.store.engine")

_LOCAL = "local://"
OWN_DIRECTORY = "engine"
"""The folder of the process in a store's directory: configuration, password, lock; it runs there."""
_STARTS_WITHIN_S = 600
_REFUSED = frozenset("*?{}[]\n")
_ENVIRONMENT = re.compile(r"PATH|HOME|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|VIRTUAL_ENV|PYTHON\w*|LD_\w+|MALLOC_\w+")
"""Variables that the process gets: statements can read its environment, and any other may be a secret."""
BACK_WITHIN_S = 5
_TRIES = 5
WATCH_EVERY_S, HANGS_AFTER_S = 5, 30
"""Seconds between two looks at the process, and seconds without an answer after which it counts as hanging."""


# Warnings of the client's libraries contain the secret path of the engine process; the store reports their errors.
for _library in ("clickhouse_connect", "urllib3"):
    logging.getLogger(_library).setLevel(logging.CRITICAL)


class EngineUnavailable(Exception):
    """The engine cannot be started or does not run; the text is its own.

    Attributes:
        shown: a sentence for whoever asks; empty for the usual one.
    """

    shown = ""


class Engine(Protocol):
    """A process or a server that answers statements."""

    @property
    def alive(self) -> bool:
        """Whether it runs, as far as this process knows."""

    @property
    def servers(self) -> int:
        """The number of servers that can answer; each is tried."""

    def ready(self) -> int:
        """Return the number of its start, which changes with its address. Raises EngineUnavailable: it does not run."""

    def unanswered(self, start: int) -> None:
        """Note that no answer came from the address of this start; another server is asked next, if there is one."""

    def address(self, user: str) -> dict[str, Any]:
        """Return the arguments of `clickhouse_connect.get_client` for WRITER or READER."""

    def release_memory(self) -> None:
        """Give unused memory back to the system."""

    def close(self) -> None:
        """Close what this process opened."""


class EngineProcess:
    """A ClickHouse server for one data directory, in a process of its own that ends with this one.

    Nobody reaches it without the password, which is new at each start and in no file that the process can read. All
    addresses but one secret path are unknown to it, so no page of a browser finds anything. While it runs, `NAME.curl`
    beside its directory, readable by its owner only, has the address and the reader's key for the operator.

    Args:
        data: the directory of the tables.

    Raises:
        EngineUnavailable: it cannot be started.
    """

    def __init__(self, data: Path) -> None:
        self.data = data
        self._own = (data / OWN_DIRECTORY).absolute()
        if bad := _REFUSED & set(str(self._own)):
            raise EngineUnavailable(f"its path contains {min(bad)!r}, which the engine takes for a pattern; rename it")
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self.starts = 0
        """The number of times that this process has started the engine process."""
        self._path = self._password = ""
        self._for_curl = self._own.parent.with_name(f"{self._own.parent.name}.curl")
        self._up, self._over = threading.Event(), threading.Event()
        self._start()
        threading.Thread(target=self._watch, name="engine-watch", daemon=True).start()

    servers = 1

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        process = self._process
        return process is not None and process.poll() is None

    @property
    def pid(self) -> int:
        """The number of the process; 0 while there is none."""
        process = self._process
        return process.pid if process is not None else 0

    def ready(self) -> int:
        """Return the number of its start; wait for a few seconds while it is being started again.

        Raises:
            EngineUnavailable: it has ended, or takes longer.
        """
        if not self._up.wait(BACK_WITHIN_S) or not self.alive:
            raise EngineUnavailable("the engine is being started again")
        return self.starts

    def unanswered(self, start: int) -> None:
        """Do nothing: the process is watched."""

    def address(self, user: str) -> dict[str, Any]:
        """Return where it listens, and the user's password."""
        return address_of(user, self._port, self._path, self._password)

    def state(self) -> EngineState:
        """Return what a server needs to know to use it from another process."""
        up = self._up.is_set() and self.alive
        return EngineState(up, self.starts, self.pid, self._port, self._path, self._password)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """End the process in the `with` block, whatever it is doing, and start it again at the end of the block.

        Raises:
            EngineUnavailable: it cannot be started again.
        """
        self._stop()
        yield
        self._start()

    def release_memory(self) -> None:
        """Give unused memory back to the system."""
        with contextlib.suppress(OSError):
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.write(b"release\n")
                self._process.stdin.flush()

    def close(self) -> None:
        """End the process."""
        self._over.set()
        self._stop()

    def _watch(self) -> None:
        """End a process that has not answered for `HANGS_AFTER_S` seconds; whoever loads starts it again."""
        while not self._over.wait(WATCH_EVERY_S):
            process = self._process
            if process is None or not self._up.is_set() or process.poll() is not None or self._answers():
                continue
            logger.error("the engine has not answered for %d s, so it is ended", HANGS_AFTER_S)
            process.kill()

    def _answers(self) -> bool:
        """Whether the process answers anything in time, be it an error."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=HANGS_AFTER_S)
        try:
            connection.request("POST", "/")
            return bool(connection.getresponse().status)
        except TimeoutError:
            return False
        except (OSError, http.client.HTTPException):
            return True  # it has just ended, which is no hanging
        finally:
            connection.close()

    def _start(self) -> None:
        try:
            self._own.mkdir(parents=True, exist_ok=True)
            self._start_locked(locked(self._own))
            (self._own / "password").unlink(missing_ok=True)  # versions before kept it there
        except (OSError, StillHeld) as error:
            self._stop()
            raise EngineUnavailable(str(error)) from error

    def _start_locked(self, lock: int) -> None:
        try:
            for left in reversed(range(_TRIES)):
                try:
                    self._try(lock)
                    break
                except EngineUnavailable as error:
                    if left == 0 or "Address already in use" not in str(error):
                        raise
        finally:
            os.close(lock)
        self.starts += 1
        self._up.set()

    def _try(self, lock: int) -> None:
        """Start the process on a free port and wait until it listens there."""
        ready, errors = self._own / "ready", self._own / "errors.log"
        ready.unlink(missing_ok=True)
        self._port, self._path, self._password = free_port(), secrets.token_hex(32), secrets.token_urlsafe(32)
        read_once = {"config.xml": configuration(self._port, self._path), "users.xml": users(self._password)}
        for name, text in read_once.items():
            _write(self._own / name, text)
        with errors.open("wb") as sink:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", "-m", "trackway.store.engine_main", str(self._own)],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=sink, pass_fds=[lock],
                env={name: value for name, value in os.environ.items() if _ENVIRONMENT.fullmatch(name)},
            )  # fmt: skip
        sign(lock, self._process.pid)
        until = time.monotonic() + _STARTS_WITHIN_S
        while not ready.exists():
            if not self.alive or time.monotonic() > until:
                self._stop()
                text = errors.read_text(errors="replace").strip()
                raise EngineUnavailable(_reason(text) or "it does not start")
            time.sleep(0.005)
        for name in read_once:
            (self._own / name).unlink()
        _write(self._for_curl, for_curl(self._port, self._path, self._password))

    def _stop(self) -> None:
        self._up.clear()
        self._for_curl.unlink(missing_ok=True)
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            process.wait()
            if process.stdin is not None:
                process.stdin.close()


class Connection:
    """The client of a store's engine, for any number of threads; a new one after each start of the engine.

    Args:
        user: WRITER or READER of store/engine_config.py.
        within_s: the most seconds that may pass between two pieces of an answer.
    """

    def __init__(self, user: str, within_s: float) -> None:
        self._user, self._within_s = user, within_s
        self._lock = threading.Lock()
        self._start = -1
        self._client: Client | None = None
        self.taken = 0
        """The number of statements so far."""

    def client(self, engine: Engine, settings: dict[str, Any]) -> Client:
        """Return the client for one more statement. Raises EngineUnavailable, ClickHouseError."""
        with self._lock:
            self.taken += 1
            for left in reversed(range(engine.servers)):
                start = engine.ready()
                try:
                    return self._client_of(start, engine, settings)
                except OperationalError:
                    if left == 0:
                        raise
                    engine.unanswered(start)
        raise EngineUnavailable("it has no address")

    def _client_of(self, start: int, engine: Engine, settings: dict[str, Any]) -> Client:
        if self._client is None or self._start != start:
            self._client = clickhouse_connect.get_client(
                settings=settings,
                autogenerate_session_id=False,
                send_receive_timeout=self._within_s,
                **engine.address(self._user),
            )
            self._start = start
        return self._client


def address_of(user: str, port: int, path: str, password: str) -> dict[str, Any]:
    """Return the arguments of `clickhouse_connect.get_client` for a user of an engine process."""
    return {
        "interface": "http", "host": "127.0.0.1", "port": port, "username": user,
        "password": derived(user, password), "proxy_path": path, "compress": False,
        "show_clickhouse_errors": "scrub",
        "pool_mgr": get_pool_manager(maxsize=16),
    }  # fmt: skip


def free_port() -> int:
    """Return a port of the loopback address that nothing uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def local_directory(dsn: str) -> Path | None:
    """Return the directory that an address `local://PATH` names; None for a server."""
    return Path(dsn.removeprefix(_LOCAL)) if dsn.startswith(_LOCAL) else None


def engine_of(dsn: str, reader_dsn: str = "") -> Engine:
    """Return the engine at an address. Raises EngineUnavailable when it has to be started and cannot be."""
    return EngineProcess(directory) if (directory := local_directory(dsn)) else Server(dsn, reader_dsn)


def kill_orphan(data: Path) -> None:
    """Kill the engine process whose loader process has just died, which it may not notice when it hangs."""
    kill_holder((data / OWN_DIRECTORY).absolute())


def end_orphan(data: Path) -> None:
    """End the engine process that a killed server left behind (process_lock.py).

    Raises:
        EngineUnavailable: it goes on.
    """
    try:
        end_holder((data / OWN_DIRECTORY).absolute())
    except StillHeld as error:
        raise EngineUnavailable(str(error)) from error


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def _reason(text: str) -> str:
    """Return the engine's error from what it printed."""
    reasons = [line for line in text.splitlines() if line.startswith(("Code: ", "RuntimeError: "))]
    return (reasons or [text])[-1].removeprefix("RuntimeError: ")
