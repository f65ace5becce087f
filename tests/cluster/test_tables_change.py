"""Scripts that change the tables of a server while it has a batch in part: the rest of the batch is stored first."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse import ClickHouse, Shards

import processes
from conftest import Server, also, eventually

# The engine feeds the views of a table in no certain order: this counter has nothing of the batch, others may have it.
BREAK = "ALTER TABLE tracking.event_counts ADD CONSTRAINT fault CHECK 0"
MEND = "ALTER TABLE tracking.event_counts DROP CONSTRAINT fault"
COUNTERS = {
    "event_counts": "events", "person_hours": "events", "actions": "actions",
    "session_hours": "sessions", "customers": "sessions", "activity": "events",
}  # fmt: skip


@pytest.fixture(params=["server", also("shards")])
def servers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ClickHouse | Shards]:
    """One server or two shards, with the databases of a store."""
    one_or_two = ClickHouse(tmp_path / "server") if request.param == "server" else Shards(tmp_path / "shards", 2)
    running = one_or_two.start()
    for name in ("tracking", "tracking_all") if request.param == "shards" else ("tracking",):
        running.ask(f"CREATE DATABASE {name}")
    yield running
    running.remove()


def sums(servers: ClickHouse | Shards) -> dict[str, int]:
    """What each counter has of all events and sessions, on all shards."""
    return {
        table: sum(map(int, servers.ask(f"SELECT sum({column}) FROM tracking.{table}").split()))
        for table, column in COUNTERS.items()
    }


def forget_scripts(servers: ClickHouse | Shards) -> None:
    """Bring the tables to those of the version before `0019_ungrouped_sessions.sql`."""
    servers.ask("DROP VIEW tracking.actions_from_events SYNC")
    servers.ask("DROP TABLE tracking.actions SYNC")
    servers.ask("ALTER TABLE tracking.migrations DELETE WHERE name >= '0019' SETTINGS mutations_sync = 1")


@pytest.mark.timeout(300)
def test_the_rest_of_a_batch_is_stored_before_tables_change(servers: ClickHouse | Shards, tmp_path: Path) -> None:
    server = Server(tmp_path / "data", store=servers.dsn("admin", "admin%20of%20it", "tracking"))

    def send(prefix: str) -> None:
        batch = [
            {"type": "track", "event": "E", "messageId": f"{prefix}{n}", "anonymousId": f"v{n}"} for n in range(10)
        ]
        assert server.post("batch", {"batch": batch}).status_code == 202

    def migrate() -> str:
        done = processes.run(["-m", "trackway", "store", "migrate", "--data", str(server.data)], env=server.environment)
        assert done.returncode != 0, done.stdout
        return " ".join(done.stderr.split())

    server.start()
    try:
        send("before")
        server.stored()
        servers.ask(BREAK)
        send("in-part")
        eventually(lambda: "refuses" in server.http.get("/readyz").json()["trouble"])
        server.stop(signal.SIGKILL)
        forget_scripts(servers)
        assert "start the server, which stores the rest of it" in migrate()
        with pytest.raises(AssertionError, match=r"start\s+the\s+version\s+before"):
            server.start()
        servers.ask(MEND)
        server.start()
        send("after")
        server.stored()
        assert sums(servers) == dict.fromkeys(COUNTERS, 30) | {"session_hours": 10, "customers": 10}
    finally:
        server.stop()
