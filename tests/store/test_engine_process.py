"""The engine process: who reaches it, what its death costs, and that it is never left behind."""

import contextlib
import importlib.util
import mmap
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from conftest import EMAIL, PASSWORD, eventually
from stores import engine_pid, has_landlock
from trackway.store import engine
from trackway.store.connection import Store
from trackway.store.durability import suspended
from trackway.store.engine_config import AT_REST, READER, WRITER
from trackway.store.long_lists import without_long_lists
from trackway.store.refusals import QuestionFailed, StoreBusy, StoreUnavailable


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = Store(f"local://{tmp_path / 'store'}", clients=2)
    yield opened
    opened.close()


def address_of(store: Store) -> tuple[str, str, str]:
    """The engine's address, its secret path and its password."""
    arguments = store.engine.address(WRITER)
    return f"http://{arguments['host']}:{arguments['port']}", arguments["proxy_path"], arguments["password"]


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_without_the_secret_path_and_the_password_nothing_is_answered(store: Store) -> None:
    store.command("CREATE TABLE secrets (text String) ENGINE = MergeTree ORDER BY text")
    store.command("INSERT INTO secrets VALUES ('hidden')")
    base, path, password = address_of(store)
    for known in ("/", "/ping", "/play", "/dashboard", "/replicas_status", "/?query=SELECT+1", f"/{path[:-1]}"):
        for method in ("GET", "POST", "OPTIONS"):
            response = httpx.request(method, base + known, headers={"origin": "https://evil.example"})
            assert (
                response.status_code == (501 if method == "OPTIONS" else 404)
                and "access-control-allow-origin" not in response.headers
            ), (method, known)
    asked = "SELECT text FROM secrets"
    right = httpx.post(f"{base}/{path}", content=asked, auth=(WRITER, password))
    assert (right.status_code, right.text) == (200, "hidden\n")
    for user, key in ((WRITER, ""), (WRITER, password[:-1]), ("nobody", password)):
        wrong = httpx.post(f"{base}/{path}", content=asked, auth=(user, key))
        assert wrong.status_code in (401, 403, 404, 516) or wrong.status_code >= 500, wrong.text
        assert "hidden" not in wrong.text
    assert httpx.get(f"{base}/{path}", params={"query": asked}, auth=(WRITER, password)).status_code == 404


def test_it_listens_on_the_loopback_address_only(store: Store) -> None:
    port = urlsplit(address_of(store)[0]).port
    listening = [
        line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"
    ]
    assert [one for one in listening if int(one.split(":")[1], 16) == port] == [f"0100007F:{port:04X}"]
    assert not any(
        int(line.split()[1].split(":")[1], 16) == port for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    )  # fmt: skip


def test_the_library_knows_each_setting_of_an_engine_at_rest(store: Store) -> None:
    folder = importlib.util.find_spec("chdb").submodule_search_locations[0]
    with Path(folder, "_chdb.abi3.so").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as code:
        assert [name for name in AT_REST if code.find(name.encode()) < 0] == []
    [row] = store.ask("SELECT value FROM system.server_settings WHERE name = 'memory_worker_period_ms'").to_pylist()
    assert row["value"] == str(AT_REST["memory_worker_period_ms"])


def test_settings_with_secrets_are_not_in_its_environment(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_SECRET_KEY", "sk_hidden")
    with store.engine.stopped():  # type: ignore[attr-defined]
        pass
    environment = Path(f"/proc/{engine_pid(Path(store.dsn.removeprefix('local://')).parent)}/environ").read_bytes()
    assert b"PATH=" in environment and b"sk_hidden" not in environment


def test_a_proxy_of_the_environment_never_sees_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert store.beside(clients=1).ask("SELECT 1 AS one").to_pylist() == [{"one": 1}]


def test_a_port_that_another_process_took_meanwhile_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = [taken.getsockname()[1]]
        free = engine.free_port
        monkeypatch.setattr(engine, "free_port", lambda: ports.pop() if ports else free())
        store = Store(f"local://{tmp_path / 'store'}", clients=1)
        assert not ports and store.ask("SELECT 1 AS one").to_pylist() == [{"one": 1}]
        store.close()


def test_a_second_process_on_the_same_directory_is_refused_and_the_first_goes_on(store: Store) -> None:
    with pytest.raises(StoreUnavailable, match="open in another process"):
        Store(store.dsn, clients=1)
    assert store.ask("SELECT 1 AS one").to_pylist() == [{"one": 1}]


def test_it_ends_with_the_process_that_started_it_even_when_that_is_killed(tmp_path: Path) -> None:
    code = "import sys, time; from trackway.store.connection import Store; s = Store(sys.argv[1]); print('up', flush=True); time.sleep(600)"
    parent = subprocess.Popen([sys.executable, "-c", code, f"local://{tmp_path / 'store'}"], stdout=subprocess.PIPE)
    assert parent.stdout is not None and parent.stdout.readline() == b"up\n"
    child = engine_pid(tmp_path)
    assert lives(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    eventually(lambda: not lives(child))


def test_an_engine_that_a_killed_server_left_hanging_is_ended_by_the_next_start(new_server: Any) -> None:
    server = new_server().start()
    server.post("track", {"event": "E", "anonymousId": "a"})
    child = engine_pid(server.data)
    os.kill(child, signal.SIGSTOP)
    server.stop(signal.SIGKILL)
    assert lives(child)
    server.start()
    assert not lives(child)
    assert server.stored()["stored"] == 1


def test_a_hanging_engine_stops_neither_collecting_nor_the_end(new_server: Any) -> None:
    server = new_server().start()
    child = engine_pid(server.data)
    os.kill(child, signal.SIGSTOP)
    for number in range(20):
        assert server.post("track", {"event": "E", "anonymousId": "a", "messageId": str(number)}).status_code == 202
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 12 and not lives(child)
    server.start()
    server.stored()
    assert server.sql("SELECT count() AS n FROM events") == [{"n": 20}]


def test_an_engine_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "WATCH_EVERY_S", 0.1)
    monkeypatch.setattr(engine, "HANGS_AFTER_S", 1)
    store = Store(f"local://{tmp_path / 'store'}", clients=1)
    store.ask("SELECT sleep(2.5) AS slept")
    assert store.engine.alive, "a long question is no hanging"
    os.kill(engine_pid(tmp_path), signal.SIGSTOP)
    eventually(lambda: not store.engine.alive)
    with suspended(store):
        pass
    assert store.ask("SELECT 1 AS one").to_pylist() == [{"one": 1}]
    store.close()


def test_its_death_delays_questions_only_and_loses_nothing(new_server: Any) -> None:
    server = new_server().start()
    sent = 0
    for _ in range(5):
        for _ in range(20):
            body = {"event": "E", "anonymousId": f"a{sent % 7}", "messageId": f"m{sent}"}
            assert server.post("track", body).status_code == 202
            sent += 1
        with contextlib.suppress(ProcessLookupError):  # it may be between two lives
            os.kill(engine_pid(server.data), signal.SIGKILL)
    status = server.stored()
    assert status["dead_letters"] == 0
    assert server.sql("SELECT count() AS n, uniqExact(message_id) AS ids FROM events") == [{"n": sent, "ids": sent}]
    assert server.sql("SELECT sum(events) AS n FROM event_counts") == [{"n": sent}]


def test_a_question_during_its_start_is_asked_again_later(new_server: Any) -> None:
    server = new_server().start()
    with httpx.Client(base_url=server.url, timeout=60) as member:
        me = member.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).json()
        project = member.get("/api/v1/projects").json()[0]["id"]
        ask = {"question": "event_names", "max_age_s": -1, "period": "30d"}
        member.headers["x-csrf-token"] = me["csrf"]
        for _ in range(5):
            os.kill(engine_pid(server.data), signal.SIGKILL)
            answer = member.post(f"/api/v1/projects/{project}/ask", json=ask)
            if answer.status_code == 503:
                assert int(answer.headers["retry-after"]) >= 1
                assert "again" in answer.json()["detail"]
                break
            assert answer.status_code == 200, answer.text
        eventually(lambda: member.post(f"/api/v1/projects/{project}/ask", json=ask).status_code == 200)


def test_a_statement_that_it_does_not_survive_is_busy_and_no_refusal(store: Store) -> None:
    os.kill(engine_pid(Path(store.dsn.removeprefix("local://")).parent), signal.SIGKILL)
    with pytest.raises(StoreBusy):
        store.ask("SELECT 1 AS one")


STRANGE = [
    "a\\b",
    "tab\there",
    "line\nbreak",
    "quote'",
    "nul\0",
    "é☃😀",
    "\\N",
    "\\0",
    "{a:b}",
    "",
    "\r",
    "%41+&=",
    "NULL",
    "', 1) --",
]


@pytest.mark.parametrize("size", [len(STRANGE), 200_000])
def test_a_list_of_any_length_reaches_the_engine_as_it_is(store: Store, size: int) -> None:
    ids = (STRANGE * (size // len(STRANGE) + 1))[:size]
    [row] = store.ask(
        "SELECT {ids:Array(String)} AS ids, 'NULL' IN {ids:Array(String)} AS found, 'z' IN {ids:Array(String)} AS other, "
        "{n:UInt8} AS n, length({pairs:Array(Tuple(UUID, UInt64))}) AS pairs",
        {"ids": ids, "n": 7, "pairs": [(uuid.UUID(int=one), one) for one in range(size)]},
    ).to_pylist()
    assert row == {"ids": ids, "found": True, "other": False, "n": 7, "pairs": size}
    store.command("CREATE TABLE IF NOT EXISTS kept (n UInt64) ENGINE = MergeTree ORDER BY n")
    store.command("INSERT INTO kept SELECT arrayJoin({ns:Array(UInt64)})", {"ns": list(range(size))})
    assert store.ask("SELECT sum(n) AS n FROM kept").to_pylist() == [{"n": size * (size - 1) // 2}]


def test_two_questions_at_once_do_not_wait_for_each_other(store: Store) -> None:
    began, ended = time.monotonic(), []

    def ask() -> None:
        store.ask("SELECT sleep(1) AS slept")
        ended.append(time.monotonic() - began)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert max(ended) < 1.9


def test_a_refusal_of_the_engine_names_neither_its_address_nor_its_password(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    _, path, password = address_of(store)
    with pytest.raises(QuestionFailed) as failed:
        store.ask("SELECT nothing_like_it")
    logged = caplog.text + str(failed.value) + failed.value.full
    assert path not in logged and password not in logged


FORBIDDEN = (
    "SELECT * FROM file('engine/lock', 'LineAsString')", "SELECT * FROM url('http://127.0.0.1:9', 'LineAsString')",
    "SELECT * FROM remote('127.0.0.1:9', system.one)", "SELECT * FROM system.processes", "SELECT * FROM system.users",
    "INSERT INTO texts VALUES ('x')", "ALTER TABLE texts DELETE WHERE 1", "DROP TABLE texts", "CREATE TABLE more (n UInt8) ENGINE = Memory",
    "KILL QUERY WHERE 1", "SYSTEM SHUTDOWN", "CREATE USER other", "SELECT * FROM executable('ls', 'TSV', 'x String')",
)  # fmt: skip


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_user_of_questions_may_only_read_tables(reader: Callable[[str], httpx.Response], statement: str) -> None:
    response = reader(statement)
    assert response.status_code >= 400 and "ACCESS_DENIED" in response.text, response.text
    assert reader("SELECT text FROM texts").text == "shown\n"


@pytest.mark.parametrize(
    "statement",
    ["SELECT * FROM python('x')", "SELECT * FROM python(x)", "SELECT * FROM python(x) SETTINGS allow_python_table_function = 1",
     "SELECT addressToSymbol(1) SETTINGS allow_introspection_functions = 1", "SELECT 1 SETTINGS readonly = 0", "SET allow_ddl = 1"],
)  # fmt: skip
def test_the_user_of_questions_runs_no_code_in_the_engine(
    reader: Callable[[str], httpx.Response], statement: str
) -> None:
    response = reader(statement)
    assert response.status_code >= 400
    assert re.search(
        r"FUNCTION_NOT_ALLOWED|QUERY_IS_PROHIBITED|ACCESS_DENIED|CONSTRAINT_VIOLATION|READONLY", response.text
    )
    assert reader("SELECT text FROM texts").text == "shown\n"


def test_the_engine_reads_no_files_but_its_own(reader: Callable[[str], httpx.Response], tmp_path: Path) -> None:
    """`file` asks for no right, so the user of questions may call it; the check of free SQL refuses it before."""
    if not has_landlock():
        pytest.skip("the kernel has no Landlock")
    (tmp_path / "settings.env").write_text("TRACKWAY_SECRET=told")
    for path in (tmp_path / "settings.env", "/etc/passwd", f"/proc/{os.getpid()}/environ"):
        response = reader(f"SELECT file('{path}')")
        assert response.status_code >= 400 and "Permission denied" in response.text, response.text
    assert reader("SELECT text FROM texts").text == "shown\n"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Any:
    opened = Store(f"local://{tmp_path_factory.mktemp('reader') / 'store'}", clients=1)
    opened.command("CREATE TABLE texts (text String) ENGINE = MergeTree ORDER BY text")
    opened.command("INSERT INTO texts VALUES ('shown')")
    address = opened.engine.address(READER)
    url = f"http://127.0.0.1:{address['port']}/{address['proxy_path']}"
    yield lambda statement: httpx.post(url, content=statement, auth=(address["username"], address["password"]))
    opened.close()


def test_the_servers_log_has_no_path_and_no_password_of_an_engine_that_died(new_server: Any) -> None:
    server = new_server().start()
    written = set()

    def ask() -> None:
        for _ in range(40):
            server.http.post("/v1/batch", json={"batch": []})
            server.http.get("/readyz")

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for one in askers:
        one.start()
    for _ in range(4):
        with contextlib.suppress(FileNotFoundError):  # it is being started again
            written |= set(re.findall(r"\w{64}", (server.data / "store.curl").read_text()))
        with contextlib.suppress(ProcessLookupError):
            os.kill(engine_pid(server.data), signal.SIGKILL)
        with contextlib.suppress(AssertionError):
            server.sql("SELECT count() FROM events")
        time.sleep(0.2)
    for one in askers:
        one.join()
    server.stored()
    said = (server.data.parent / f"{server.data.name}.out").read_text()
    assert len(written) > 2, "each start has a path and a key of its own"
    assert not any(secret in said for secret in written)


@pytest.mark.parametrize(
    "quoted",
    ["'{v0:x}'", r"'\\\'{v0:x}'", "'it''s {v0:x}'", "'a' AS `{v0:x}`", '1 AS "{v0:x}"', r"'`' AS `\`{v0:x}`"],
)
def test_a_name_or_text_that_looks_like_a_long_list_is_none(store: Store, quoted: str) -> None:
    """Names of properties come from whoever asks: a list put into one would end it and go on as SQL."""
    values = ["`, file('password') AS x, `", "', file('password') AS x, '"] * 300
    asked = store.ask(f"/* it's */ SELECT {quoted}, -- it's\nlength({{v0:Array(String)}}) AS n", {"v0": values})
    assert asked["n"].to_pylist() == [600] and asked.num_columns == 2
    assert "{v0:x}" in str(asked.to_pylist())


def test_nothing_is_replaced_within_a_value_of_a_long_list() -> None:
    lists = {f"v{n}": [f"x{n}", "{v1:Array(String)}", "{v0:Array(String)}"] * 200 for n in range(3)}
    sql, rest = without_long_lists(
        "SELECT {v0:Array(String)}, {v1:Array(String)}, {n:UInt8}, {v2:Array(String)}", {**lists, "n": 1}
    )
    assert rest == {"n": 1} and sql.count("CAST(") == 3 and sql.endswith("'Array(String)')")
    assert sql.count("'Array(String)'") == 3
