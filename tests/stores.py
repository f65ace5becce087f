"""A store with its log and loader in the process of the tests."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from kafka import create_topic
from trackway.event import Arrival, Location, Message, now
from trackway.server_address import OF_ALL_SHARDS, cluster_of, servers_of
from trackway.store.connection import Store
from trackway.store.loader import Loader
from trackway.store.recovery import open_log

SERVER = os.environ.get("TRACKWAY_TEST_SERVER", "")
"""The address of a ClickHouse server on which the stores of `Loaded` are databases, instead of an engine process
each; or of a cluster."""
KAFKA = os.environ.get("TRACKWAY_TEST_KAFKA", "")
"""Brokers of Kafka, on which the logs of `Loaded` are topics, instead of files."""


class Loaded:
    """A store in this process with its log and loader. Tests take a project each."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._open()

    def _open(self) -> None:
        local = None if SERVER else self.directory / "store"
        self.log, _ = open_log(self.directory, local, address=self._topic() if KAFKA else "")
        self.store = Store(self._database() if local is None else f"local://{local}", clients=2)
        self.store.migrate()
        self.loader = Loader(self.log, self.store, self.directory / "loader", local=local)
        self.loader.checkpoint()
        self.store.durability.settle = self.loader.checkpoint

    def _database(self) -> str:
        """The address of this directory's own database on the server."""
        name = f"t{hashlib.sha256(str(self.directory).encode()).hexdigest()[:16]}"
        for address in servers_of(SERVER):
            with contextlib.closing(Store(address.partition("?")[0], clients=1)) as server:
                for database in (name, name + OF_ALL_SHARDS) if cluster_of(SERVER) else (name,):
                    server.command(f"CREATE DATABASE IF NOT EXISTS {database}")
        return urlsplit(SERVER)._replace(path=f"/{name}").geturl()

    def _topic(self) -> str:
        """The address of this directory's own topic."""
        name = f"t{hashlib.sha256(str(self.directory).encode()).hexdigest()[:16]}"
        create_topic(KAFKA, name)
        return f"kafka://{KAFKA}/{name}"

    def restart(self) -> None:
        """End in order, and go on from the disk."""
        self.loader.stop()
        self.crash()

    def crash(self) -> None:
        """End as a killed process does, and go on from the disk."""
        self.store.close()
        self.log.close()
        self._open()

    def load(self, project: UUID, messages: list[Message], received_at: int | None = None) -> None:
        """Messages through log and loader into the store."""
        self.append(project, messages, received_at)
        self.loader.drain()

    def append(self, project: UUID, messages: list[Message], received_at: int | None = None) -> None:
        arrival = Arrival(received_at or now(), project.bytes, "", Location(), "", "", False, None, messages)
        self.log.write([msgspec.msgpack.encode(arrival)], len(messages))

    def forget_before(self, month: int) -> None:
        """Drop the months before one (YYYYMM) from all tables that have months: whatever changes stored events later
        has to look at each of them."""
        for shard in self.store.each:
            parts = shard.ask(
                "SELECT DISTINCT table, partition FROM system.parts WHERE active AND database = currentDatabase() "
                "AND match(partition, '^[0-9]{6}$') AND toUInt32(partition) < {month:UInt32}",
                {"month": month},
            )
            for one in parts.to_pylist():
                shard.command(f"ALTER TABLE {one['table']} DROP PARTITION {one['partition']}")

    def rows(self, project: UUID, sql: str) -> list[dict[str, Any]]:
        return list(self.store.ask(sql, {"p": project}).to_pylist())


def engine_pid(data: Path) -> int:
    """The number of the engine process of a data directory, or of the one before it while it is being started again."""
    return int((data / "store" / "engine" / "lock").read_text())


def loader_pid(data: Path) -> int:
    """The number of the loader process of a data directory, or of the one before it while it is being started again."""
    return int((data / "loader" / "lock").read_text() or 0) or 1 << 22  # it is empty for a moment


def has_landlock() -> bool:
    """Whether the kernel limits the files that the engine process reads."""
    modules = Path("/sys/kernel/security/lsm")
    return not modules.exists() or "landlock" in modules.read_text()
