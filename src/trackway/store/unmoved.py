"""A data directory whose store is still the engine process's own although its settings name a server.

`trackway store move` copies it (store/moving.py). Until then a running server collects and does not use the new store.
Two locks in `DATA/moving` keep the processes apart: `lock` is held by the command, `waits` by a server that waits.
"""

from __future__ import annotations

import fcntl
import threading
import time
from pathlib import Path
from typing import IO, Any

from trackway.server_address import hosts_of
from trackway.store.engine import Engine, EngineUnavailable, local_directory
from trackway.store.unfinished import half_created

FOLDER = "moving"
"""The folder of a move in a data directory: its locks, and how far it has come."""
_WAITS = (
    "the store has not been moved to the server yet: messages are collected, and questions are answered once "
    "`trackway store move` has ended"
)


class NotMoved(EngineUnavailable):
    """The server is not the store yet."""

    shown = _WAITS


def has_store(directory: Path) -> bool:
    """Whether a data directory has a store of the engine process."""
    local = directory / "store"
    return local.is_dir() and not half_created(local) and any(local.iterdir())


def unmovable(dsn: str) -> str:
    """Return why a store cannot be moved to an address; empty when it names one server, or one for each shard."""
    if all(len(replicas) == 1 for replicas in hosts_of(dsn)):
        return ""
    return (
        "the settings name replicas, and a store can be moved to one server, or to shards of one server each; name "
        "those, or fill replicas from the log's archive"
    )


def unmoved(directory: Path, dsn: str) -> str:
    """Return why the server at an address is not the store of a data directory yet; empty when it is.

    The text is for the operator.
    """
    if local_directory(dsn) is not None or not has_store(directory):
        return ""
    return (
        f"the settings name a server, and the store in {directory / 'store'} has not been moved to it; run `trackway "
        "store move`, or rename that directory if the server should begin without its data"
    )


class LateServer:
    """A server that is used from a certain moment on: when the store has been moved to it.

    Args:
        server: the server.
        begun: set when it is used.
    """

    def __init__(self, server: Engine, begun: threading.Event) -> None:
        self._server, self._begun = server, begun

    @property
    def alive(self) -> bool:
        """Whether it is used."""
        return self._begun.is_set()

    def ready(self) -> int:
        """Return the number of the server's start. Raises NotMoved."""
        if not self.alive:
            raise NotMoved(_WAITS)
        return self._server.ready()

    @property
    def servers(self) -> int:
        """The number of servers that can answer."""
        return self._server.servers

    def unanswered(self, start: int) -> None:
        """Note that no answer came."""
        self._server.unanswered(start)

    def address(self, user: str) -> dict[str, Any]:
        """Return the server's address."""
        return self._server.address(user)

    def release_memory(self) -> None:
        """Do nothing: the server has an operator of its own."""

    def close(self) -> None:
        """Close what this process opened."""
        self._server.close()


def hold(directory: Path, name: str, within_s: float = 2.0) -> IO[str] | None:
    """Take the lock `lock` or `waits` of a data directory until it is closed; None when another process keeps it."""
    folder, until = directory / FOLDER, time.monotonic() + within_s
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / name).open("a")
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() >= until:
                file.close()
                return None
            time.sleep(0.02)


def is_held(directory: Path, name: str) -> bool:
    """Whether a process has a lock of a data directory."""
    if not (directory / FOLDER / name).exists():
        return False
    file = hold(directory, name, within_s=0)
    if file is not None:
        file.close()
    return file is None
