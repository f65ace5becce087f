"""The messages between a server and its loader process, over two connections (store/loader_process.py).

Over the first, the server gives an order and waits until it is done. Over the second, the loader process sends its
state whenever that changes, and the server sends what needs no answer: `purge` and `stop`.
"""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Any, TypeVar

import msgspec

from trackway.config import Settings

T = TypeVar("T")


class Task(msgspec.Struct):
    """The part of the settings that the loader process needs, without secrets.

    Attributes:
        directory: the data directory.
        store: the directory of the store.
        recover: whether the store goes back to its checkpoint first, because the loader process before was killed.
    """

    directory: str
    store: str
    memory_mb: int
    batch_messages: int
    batch_seconds: float
    keep_log_hours: float
    checkpoint_seconds: float
    archive: str
    passing_hosts: list[str]
    internal_domains: list[str]
    recover: bool


class Order(msgspec.Struct):
    """`open` with a task, `load`, `start`, `hold`, `release` or `checkpoint`."""

    name: str
    task: Task | None = None


class Done(msgspec.Struct):
    """The answer to an order.

    Attributes:
        failure: the name of the error, or empty.
        text, shown: those of the error.
        told: how many states were sent before this answer.
    """

    failure: str = ""
    text: str = ""
    shown: str = ""
    told: int = 0


class EngineState(msgspec.Struct):
    """The engine process: whether it runs, its starts, its number, and where it listens."""

    alive: bool = False
    starts: int = 0
    pid: int = 0
    port: int = 0
    path: str = ""
    password: str = ""


class State(msgspec.Struct):
    """The state of the loader, and of the engine process that it owns.

    Attributes:
        loaded: whether there is a loader; before, its numbers mean nothing.
        generation: grows when the store goes back to its checkpoint.
        versions: of projects of which something was stored since the last state.
        persons: grows when persons were merged or separated.
    """

    engine: EngineState
    loaded: bool = False
    stored: int = 0
    durable: int = 0
    dead_letters: int = 0
    lost: int = 0
    trouble: str = ""
    stalled: str = ""
    unfinished: bool = False
    persons: int = 0
    generation: int = 0
    versions: dict[bytes, int] = {}


def task_of(settings: Settings, recover: bool) -> Task:
    """Return the task of the loader process beside a server with these settings."""
    return Task(
        directory=str(settings.directory), store=str(settings.local_store), memory_mb=settings.engine_memory_mb,
        batch_messages=settings.batch_messages, batch_seconds=settings.batch_seconds,
        keep_log_hours=settings.keep_log_hours, checkpoint_seconds=settings.checkpoint_seconds,
        archive=settings.archive, passing_hosts=list(settings.passing_hosts),
        internal_domains=list(settings.internal_domains), recover=recover,
    )  # fmt: skip


def send(connection: Connection, content: Any) -> None:
    """Send a message. Raises OSError when the other side is gone."""
    connection.send_bytes(msgspec.msgpack.encode(content))


def receive(connection: Connection, kind: type[T]) -> T:
    """Wait for a message. Raises EOFError or OSError when the other side is gone."""
    return msgspec.msgpack.decode(connection.recv_bytes(), type=kind)
