"""Several loaders as processes, for tests: a broker, a ClickHouse server, the role all, loaders and a collector."""

from __future__ import annotations

import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from conftest import Server
from kafka import Kafka
from trackway.govern.database import GovernDatabase
from trackway.govern.tables import Project
from trackway.store.server_rights import statements

sys.path.insert(0, str(Path(__file__).parents[1] / "cluster"))

from clickhouse import ADMIN, ClickHouse, Shards


class Site:
    """The processes of one installation, which are started one by one.

    Args:
        count: the number of loaders.
        accounts: the accounts database; empty for SQLite in the directory of the role all.
        shards: the number of shards of the store; 0 for one server.
    """

    def __init__(
        self, kafka: Kafka, folder: Path, topic: str, count: int = 3, accounts: str = "", shards: int = 0
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.count, self.folder = count, folder
        for number in range(1, count):
            kafka.topic(f"{topic}-{number}", 2)
        self.engine = Shards(folder, shards).start() if shards else ClickHouse(folder / "clickhouse").start()
        self._asked = self.engine.servers[0] if isinstance(self.engine, Shards) else self.engine
        self._database = "tracking_all" if shards else "tracking"
        store = self.engine.dsn("writer", "secret", "tracking")
        self.engine.create(statements(store, self.engine.dsn("reader", "hidden", "tracking")))
        self.settings = {
            "log": f"{kafka.topic(topic, 2)}?loaders={count}" if count > 1 else kafka.topic(topic, 2),
            "store": store,
            "accounts": accounts or f"sqlite:///{folder / 'all' / 'accounts.db'}",
        }
        self.main = Server(folder / "all", fresh=bool(accounts), **self.settings)
        self.loaders = [self.loader(number) for number in range(1, count)]
        self.collector = Server(folder / "collector", fresh=True, role="collector", **self.settings)

    def loader(self, number: int, **settings: Any) -> Server:
        """A loader, on a directory of its own."""
        given = {**self.settings, "role": "loader", "loader": str(number), **settings}
        return Server(self.folder / f"loader{number}", fresh=True, **given)

    @property
    def processes(self) -> list[Server]:
        return [self.main, *self.loaders, self.collector]

    def start(self) -> Site:
        """Start what does not run: the role all first, which makes the accounts, and then the others at once."""
        waiting = [one for one in self.processes if one.process is None or one.process.poll() is not None]
        if self.main in waiting:
            waiting.remove(self.main)
            self.main.start()
        with ThreadPoolExecutor() as at_once:
            list(at_once.map(Server.start, waiting))
        return self

    def accounts(self) -> GovernDatabase:
        opened = GovernDatabase(self.settings["accounts"])
        opened.loaders.count = self.count
        return opened

    def project(self, name: str, loader: int | None = None, **given: Any) -> tuple[Project, str, str]:
        """A new project, its write key and its secret key. Processes that run know it within 5 s."""
        accounts = self.accounts()
        try:
            return accounts.add_project(name, loader=loader, **given)
        finally:
            accounts.close()

    def stored(self, within_s: float = 120) -> dict[str, Any]:
        """Wait until everything that was accepted is in the store; the status then."""
        until = time.monotonic() + within_s
        while True:
            status = self.main.http.get("/readyz").json()
            if status["ready"] and not status["unlogged_views"] and status["stored"] == status["logged"]:
                return dict(status)
            if time.monotonic() > until:
                said = [one.said()[-1500:] for one in self.processes if one.process is not None]
                raise AssertionError(f"{status}\n{said}")
            time.sleep(0.05)

    def rows(self, sql: str) -> str:
        """The answer of the server to its administrator, about the rows of all shards."""
        url = f"http://127.0.0.1:{self._asked.http}/"
        answer = httpx.post(url, params={"database": self._database}, content=sql, auth=("admin", ADMIN), timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.text.strip()

    def close(self) -> None:
        for one in self.processes:
            if one.process is not None:
                one.stop(signal.SIGKILL)
        self.engine.remove()


def send(server: Server, key: str, messages: list[dict[str, Any]]) -> None:
    """A batch that the server has to take, once it has read the key of a new project."""
    until = time.monotonic() + 30
    while True:
        answer = server.http.post("/v1/batch", json={"batch": messages}, auth=(key, ""))
        if answer.status_code != 401 or time.monotonic() > until:
            break
        time.sleep(0.1)
    assert answer.status_code == 202, answer.text


def events(site: Site, project: Project | UUID | str) -> int:
    """The number of a project's events."""
    name = project.id if isinstance(project, Project) else project
    return int(site.rows(f"SELECT count() FROM events WHERE project_id = '{name}'"))
