"""`trackway serve` with a ClickHouse server as its store, as two users with the rights that `trackway store users` prints."""

import contextlib
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from clickhouse import ADMIN, ClickHouse
from tls import certify, in_front_of

import processes
from conftest import SECRET_KEY, Server, eventually
from sample_questions import BODIES
from trackway.store.connection import Store
from trackway.store.refusals import StoreUnavailable

DATABASE = "tracking"


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    running = ClickHouse(tmp_path_factory.mktemp("clickhouse") / "home").start()
    yield running
    running.remove()


class OnServer(Server):
    """A server whose store is a database of a ClickHouse server, made as the administrator would."""

    def __init__(self, data: Path, clickhouse: ClickHouse, database: str, **settings: Any) -> None:
        super().__init__(
            data, store=clickhouse.dsn(f"writer_{database}", "it's a \\ secret".replace(" ", "%20"), database),
            store_reader=clickhouse.dsn(f"reader_{database}", "hidden", database), **settings,
        )  # fmt: skip
        self.clickhouse, self.database = clickhouse, database

    def command(self, *arguments: str) -> Any:
        return processes.run(["-m", "trackway", *arguments, "--data", str(self.data)], env=self.environment)

    def create_users(self) -> None:
        printed = self.command("store", "users")
        assert printed.returncode == 0, printed.stderr
        self.clickhouse.create([statement for statement in printed.stdout.split(";\n") if statement.strip()])

    def drop(self) -> None:
        for statement in self.command("store", "users").stdout.split(";\n"):
            if database := re.fullmatch(r"CREATE DATABASE IF NOT EXISTS (\w+)", statement):
                self.clickhouse.ask(f"DROP DATABASE {database[1]}")


@pytest.fixture
def server(clickhouse: ClickHouse, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[OnServer]:
    made = OnServer(tmp_path / "data", clickhouse, f"t{abs(hash(request.node.name))}")
    made.create_users()
    yield made
    with contextlib.suppress(AttributeError):
        made.stop(signal.SIGKILL)
    made.drop()


def send(server: Server, count: int, first: int = 0) -> None:
    """Messages of `count` visitors, one each."""
    for start in range(first, first + count, 500):
        batch = [
            {"type": "track", "event": "Seen", "messageId": f"m{n}", "anonymousId": f"v{n}", "properties": {"n": n}}
            for n in range(start, min(start + 500, first + count))
        ]
        assert server.post("batch", {"batch": batch}).status_code == 202


@pytest.fixture(scope="module")
def running(clickhouse: ClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnServer]:
    """A server with a few messages, for tests that change neither its settings nor the rights of its users."""
    made = OnServer(tmp_path_factory.mktemp("running") / "data", clickhouse, "running")
    made.create_users()
    made.start()
    send(made, 20)
    assert made.post("batch", {"batch": [{"type": "identify", "anonymousId": "v1", "userId": "u"}]}).status_code == 202
    made.stored()
    yield made
    made.stop(signal.SIGKILL)
    made.drop()


def test_it_starts_stores_and_answers_with_the_rights_that_are_printed(server: OnServer) -> None:
    server.start()
    send(server, 1000)
    for body in (
        {"type": "identify", "anonymousId": "v1", "userId": "u"}, {"type": "alias", "previousId": "v2", "userId": "u"},
        {"type": "track", "event": "Order Completed", "userId": "u",
         "properties": {"orderId": "o", "total": 5, "currency": "EUR"}},
    ):  # fmt: skip
        assert server.post("batch", {"batch": [body]}).status_code == 202
    assert server.stored()["dead_letters"] == 0
    assert server.sql("SELECT uniqExact(message_id) AS ids, count() AS n FROM events WHERE name = 'Seen'") == [
        {"ids": 1000, "n": 1000}
    ]
    assert server.asked({"question": "trend", "series": [{"event": "Seen"}]})["data"]
    [people] = server.asked({"question": "trend", "series": [{"event": "Seen", "metric": "persons"}]})["data"]["series"]
    assert people["total"] == 999, "v1 and v2 are one person"
    found = server.command("store", "check")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "up to date" in found.stdout


def test_the_doctor_checks_the_tables_with_the_rights_that_are_printed(server: OnServer) -> None:
    server.start()
    send(server, 100)
    assert (
        server.post("batch", {"batch": [{"type": "identify", "anonymousId": "v1", "userId": "u"}]}).status_code == 202
    )
    assert server.stored()["dead_letters"] == 0
    server.stop()

    def doctor() -> tuple[int, str]:
        found = server.command("doctor")
        return found.returncode, " ".join((found.stdout + found.stderr).split())

    assert doctor()[0] == 0, doctor()
    assert "all tables agree; 101 events" in doctor()[1]
    [*_, last] = getattr(server.clickhouse, "servers", [server.clickhouse])
    part = "SELECT path FROM system.parts WHERE active AND database = {!r} AND table = 'events' LIMIT 1"
    folder = last.own / last.ask(part.format(server.database)).strip()
    last.stop()
    damaged = folder / "data.bin"
    damaged.write_bytes(bytes(byte ^ 255 for byte in damaged.read_bytes()))
    last.start()
    status, said = doctor()
    assert status == 1 and "parts of events are damaged; restore the server's tables from a backup" in said, said


def test_the_creation_of_the_tables_can_be_killed_and_begun_again(server: OnServer) -> None:
    for after_s in (0.2, 0.5, 0.9, 1.3):
        begun = processes.start(
            ["-m", "trackway", "store", "migrate", "--data", str(server.data)], env=server.environment
        )
        time.sleep(after_s)
        begun.kill()
        begun.wait()
    done = server.command("store", "migrate")
    assert done.returncode == 0, done.stderr
    server.start()
    send(server, 10)
    server.stored()
    again = server.command("store", "migrate")
    assert again.returncode == 0 and "up to date" in again.stdout
    assert server.sql("SELECT count() AS n FROM events") == [{"n": 10}]


def test_questions_are_asked_as_the_user_who_may_only_read(server: OnServer) -> None:
    server.start()
    send(server, 1)
    server.stored()
    assert server.sql("SELECT count() AS n FROM events") == [{"n": 1}]
    for called in ("* APPLY(file)", "arrayMap(file, ['password'])", "arrayMap(x -> x, [hostName()])"):
        with pytest.raises(AssertionError, match=r"cannot be used here|leave APPLY away"):
            server.sql(f"SELECT {called} FROM (SELECT 'password' AS a)")
    assert server.sql("SELECT arrayMap(upper, ['a']) AS a") == [{"a": ["A"]}]
    password, rights = server.clickhouse.users[f"reader_{server.database}"]
    server.clickhouse.users[f"reader_{server.database}"] = (password, ["GRANT SELECT ON system.one"])
    server.clickhouse.restart()
    with pytest.raises(AssertionError, match="422"):
        server.sql("SELECT count() AS n FROM events")
    found = server.command("store", "check", "--json")
    assert found.returncode == 1 and "rights that are missing: SELECT ON" in found.stdout
    server.clickhouse.users[f"reader_{server.database}"] = (password, rights)
    settings = server.clickhouse.profiles.pop(f"reader_{server.database}")
    server.clickhouse.restart()
    assert server.sql("SELECT count() AS n FROM events") == [{"n": 1}]
    found = server.command("store", "check", "--json")
    assert found.returncode == 1 and "settings that the user needs: readonly = 2" in found.stdout, found.stdout
    server.clickhouse.profiles[f"reader_{server.database}"] = settings
    server.clickhouse.restart()
    assert server.command("store", "check").returncode == 0


def test_every_question_is_answered_to_the_user_who_may_only_read(running: OnServer) -> None:
    headers = {"authorization": f"Bearer {SECRET_KEY}"}
    [project] = running.http.get("/api/v1/projects", headers=headers).json()
    path = f"/api/v1/projects/{project['id']}/ask"
    for name, body in BODIES.items():
        answer = running.http.post(path, json={"question": name, **body}, headers=headers)
        assert answer.status_code in (200, 404), f"{name}: {answer.status_code} {answer.text}"


DENIED = (
    "SELECT * FROM file('password', 'LineAsString')", "SELECT * FROM url('http://127.0.0.1:9', 'LineAsString')",
    "SELECT * FROM s3('http://127.0.0.1:9/bucket/object', 'LineAsString')", "SELECT * FROM remote('127.0.0.1:9', system.one)",
    "SELECT * FROM executable('ls', 'TSV', 'x String')", "SELECT * FROM system.processes", "SELECT * FROM system.users",
    "SELECT * FROM other.secrets", "INSERT INTO {}.events (name) VALUES ('x')", "ALTER TABLE {}.events DELETE WHERE 1",
    "DROP TABLE {}.events", "CREATE TABLE {}.more (n UInt8) ENGINE = Memory", "KILL QUERY WHERE 1", "SYSTEM SHUTDOWN",
    "CREATE USER more", "GRANT ALL ON *.* TO CURRENT_USER", "SET allow_ddl = 1", "SELECT 1 SETTINGS readonly = 0",
    "SELECT 1 SETTINGS readonly = 1", "SELECT 1 SETTINGS allow_ddl = 1", "SELECT 1 SETTINGS profile = 'default', allow_ddl = 1",
    "SELECT addressToSymbol(1) SETTINGS allow_introspection_functions = 1",
)  # fmt: skip
"""What the server itself refuses to the reader, whatever Trackway's own check of SQL lets through."""


def test_the_server_refuses_the_reader_everything_but_reading(running: OnServer) -> None:
    running.clickhouse.ask("CREATE DATABASE IF NOT EXISTS other")
    running.clickhouse.ask("CREATE TABLE IF NOT EXISTS other.secrets (t String) ENGINE = Memory")
    url = f"http://127.0.0.1:{running.clickhouse.http}/"

    def asked(statement: str) -> httpx.Response:
        return httpx.post(
            url, content=statement.format(running.database), auth=(f"reader_{running.database}", "hidden")
        )

    for statement in DENIED:
        answer = asked(statement)
        assert answer.status_code >= 400, f"{statement}: {answer.text}"
        assert re.search(
            r"ACCESS_DENIED|READONLY|SETTING_CONSTRAINT_VIOLATION|QUERY_IS_PROHIBITED|FUNCTION_NOT_ALLOWED", answer.text
        ), f"{statement}: {answer.text}"
    assert asked("SELECT count() FROM {}.events").text == "21\n"


def test_free_sql_raises_none_of_its_limits(running: OnServer) -> None:
    for name, value in (
        ("max_memory_usage", 0),
        ("max_execution_time", 0),
        ("additional_table_filters", "{}"),
        ("readonly", 0),
    ):
        for sql in (
            "SELECT count() AS n FROM events SETTINGS {} = {}",
            "SELECT * FROM (SELECT 1 AS n SETTINGS {} = {})",
        ):
            with pytest.raises(AssertionError, match="leave SETTINGS away"):
                running.sql(sql.format(name, value))


def test_large_batches_of_many_visitors_are_stored(clickhouse: ClickHouse, server: OnServer) -> None:
    """The loader asks about as many ids as a batch has: more than a server takes as bound values."""
    server.environment["TRACKWAY_BATCH_SECONDS"] = "2"
    server.start()
    send(server, 40_000)
    send(server, 20_000)  # all of them again
    send(server, 20_000, first=30_000)  # half of them again
    assert server.stored()["dead_letters"] == 0
    assert server.sql("SELECT count() AS n, uniqExact(visitor_id) AS visitors FROM events") == [
        {"n": 50_000, "visitors": 50_000}
    ]
    assert server.sql("SELECT sum(events) AS n FROM event_counts") == [{"n": 50_000}]


def test_a_server_that_is_killed_and_comes_back_has_everything_once(clickhouse: ClickHouse, server: OnServer) -> None:
    server.start()
    stopping = threading.Event()
    sent = [0]

    def work() -> None:
        while not stopping.is_set():
            send(server, 50, first=sent[0])
            sent[0] += 50
            time.sleep(0.02)

    sender = threading.Thread(target=work)
    sender.start()
    for pause in (0.3, 0.7, 0.1, 0.5):
        time.sleep(pause)
        clickhouse.stop()
        time.sleep(0.3)
        clickhouse.start()
    stopping.set()
    sender.join()
    assert sent[0], "collecting went on"
    assert server.stored()["dead_letters"] == 0
    assert server.sql("SELECT count() AS n, uniqExact(message_id) AS ids FROM events") == [
        {"n": sent[0], "ids": sent[0]}
    ]
    assert server.sql("SELECT sum(events) AS n FROM event_counts") == [{"n": sent[0]}]
    assert server.sql("SELECT count() AS n FROM sessions FINAL") == [{"n": sent[0]}]


def test_trackway_that_is_killed_over_a_batch_stores_it_once(server: OnServer) -> None:
    server.start()
    for first in range(0, 3000, 1000):
        send(server, 1000, first=first)
        server.stop(signal.SIGKILL)
        server.start()
    server.stored()
    assert server.sql("SELECT count() AS n, uniqExact(message_id) AS ids FROM events") == [{"n": 3000, "ids": 3000}]
    assert server.sql("SELECT sum(events) AS n FROM event_counts") == [{"n": 3000}]


def test_without_the_server_collecting_goes_on_and_questions_are_asked_later(
    clickhouse: ClickHouse, server: OnServer
) -> None:
    server.start()
    clickhouse.stop()
    try:
        send(server, 10)
        answer = server.http.post("/api/v1/projects", headers={})
        assert answer.status_code < 500
        status = server.http.get("/readyz")
        assert status.status_code == 503
    finally:
        clickhouse.start()
    eventually(lambda: server.http.get("/readyz").status_code == 200)
    server.stored()
    assert server.sql("SELECT count() AS n FROM events") == [{"n": 10}]


def test_a_changed_password_reaches_the_dictionaries(clickhouse: ClickHouse, server: OnServer) -> None:
    server.start()
    send(server, 3)
    server.stored()
    server.stop()
    name = f"writer_{server.database}"
    clickhouse.users[name] = ("another", clickhouse.users[name][1])
    clickhouse.restart()
    server.environment["TRACKWAY_STORE"] = clickhouse.dsn(name, "another", server.database)
    server.start()
    assert server.post("identify", {"anonymousId": "v1", "userId": "u"}).status_code == 202
    server.stored()
    [people] = server.asked({"question": "trend", "series": [{"event": "Seen", "metric": "persons"}]})["data"]["series"]
    assert people["total"] == 3


@pytest.mark.parametrize(
    ("store", "reader", "said"),
    [
        ("clickhouse://u:se/cret@h:1/d", "", "is no address such as"),
        ("clickhouse://u:se#cret@h:1/d", "", "is no address such as"),
        ("clickhouse://u:secret@h:port/d", "", "is no address such as"),
        ("clickhouse://u:secret[@h:1/d", "", "is no address such as"),
        ("mysql://u:secret@h:1/d", "", "is no address such as"),
        ("clickhouse://u:secret@h:1/my-db", "", "letters, digits and _"),
        ("clickhouse://u-v:secret@h:1/d", "", "letters, digits and _"),
        ("clickhouse://u:secret@h:1/d?scure=true", "", "no option 'scure'"),
        ("clickhouse://u:secret@h:1/d", "clickhouse://r:secret@h:1/e", "another host, port, database or cluster"),
        ("", "clickhouse://r:secret@h:1/e", "store is not"),
    ],
)
def test_an_address_that_is_wrong_is_refused_without_its_password(
    tmp_path: Path, store: str, reader: str, said: str
) -> None:
    for command in ("check", "users", "migrate"):
        environment = {**os.environ, "TRACKWAY_STORE": store, "TRACKWAY_STORE_READER": reader}
        done = processes.run(["-m", "trackway", "store", command, "--data", str(tmp_path)], env=environment)
        assert done.returncode == 1 and said in done.stderr, done.stderr
        assert "Traceback" not in done.stderr and "cret" not in done.stdout + done.stderr.replace("scure", "")


def test_every_table_syncs_its_inserts(running: OnServer) -> None:
    unsynced = running.clickhouse.ask(
        f"SELECT name FROM system.tables WHERE database = '{running.database}' AND engine LIKE '%MergeTree' "
        "AND NOT match(engine_full, 'fsync_after_insert = (1|true)')"
    )
    assert unsynced == ""


def test_what_is_missing_is_named(clickhouse: ClickHouse, tmp_path: Path) -> None:
    stopped = OnServer(tmp_path / "data", clickhouse, "nowhere")
    refused = stopped.command("store", "check")
    assert refused.returncode == 1 and "Traceback" not in refused.stderr
    assert "does not answer" in refused.stderr and "it's a" not in refused.stderr
    local = processes.run(["-m", "trackway", "store", "users", "--data", str(tmp_path / "other")], env={
        name: value for name, value in stopped.environment.items() if not name.startswith("TRACKWAY_STORE")
    })  # fmt: skip
    assert local.returncode == 1 and "TRACKWAY_STORE" in local.stderr


def test_tls_is_checked(clickhouse: ClickHouse, tmp_path: Path) -> None:
    certificate, private = certify(tmp_path)
    with in_front_of(clickhouse.http, certificate, private) as port:
        address = clickhouse.dsn("admin", ADMIN.replace(" ", "%20")).replace(str(clickhouse.http), str(port))
        with contextlib.closing(Store(f"{address}?secure=true&ca_cert={certificate}", clients=1)) as store:
            assert store.ask("SELECT 1 AS one").to_pylist() == [{"one": 1}]
        with pytest.raises(StoreUnavailable, match="does not answer"):
            Store(f"{address}?secure=true", clients=1)
        with pytest.raises(StoreUnavailable, match="does not answer"):
            Store(address, clients=1)
