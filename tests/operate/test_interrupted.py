"""Ended at a bad moment: first starts, rebuilds and uploads that were killed, and commands beside a running server."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import processes
from conftest import SECRET_KEY, WRITE_KEY, Server, also, eventually
from trackway.govern.database import GovernDatabase

# A command in a process that dies at the n-th statement with some words.
DYING = """
import os, sys
import trackway.store.connection as connection
real, dying, left = connection.Store.command, sys.argv[1], [int(sys.argv[2])]
def command(self, sql, *rest):
    if dying in sql:
        left[0] -= 1
        if left[0] < 0:
            os._exit(9)
    return real(self, sql, *rest)
connection.Store.command = command
sys.argv = ["trackway", *sys.argv[3:]]
from trackway.cli.commands import main
main()
"""


def died(begins: str, after: int, *command: str) -> None:
    """Run a command that dies at a statement."""
    done = processes.run(["-c", DYING, begins, str(after), *command])
    assert done.returncode == 9, done.stderr[-2000:]


def command(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command on a directory."""
    ran = processes.run(["-m", "trackway", *arguments, "--data", str(data)])
    assert "Traceback" not in ran.stderr, ran.stderr
    return ran


def some(server: Server, name: str, count: int = 20) -> None:
    """Send messages and wait until they are stored."""
    batch = [{"type": "track", "event": "E", "messageId": f"{name}{n}", "anonymousId": "v"} for n in range(count)]
    assert server.post("batch", {"batch": batch}).status_code == 202
    server.stored()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with events and a registered entity."""
    data = tmp_path_factory.mktemp("ended") / "data"
    server = Server(data).start()
    try:
        some(server, "m")
        bearer = {"authorization": f"Bearer {SECRET_KEY}"}
        project = server.http.get("/api/v1/projects", headers=bearer).json()[0]["id"]
        body = [{"type": "artist", "id": "a1", "name": "One"}]
        assert server.http.put(f"/api/v1/projects/{project}/entities", json=body, headers=bearer).is_success
    finally:
        server.stop()
    return data


@pytest.fixture
def data(sound: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(sound, tmp_path / "data", symlinks=True)
    return tmp_path / "data"


@pytest.mark.parametrize(("begins", "after"), [also("DROP DICTIONARY", 0), ("INSERT INTO migrations", 3)])
def test_a_first_start_that_was_killed_while_the_schema_is_made_begins_anew(
    begins: str, after: int, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    died(begins, after, "serve", "--data", str(data), "--port", "1")
    assert "bad" not in command(data, "doctor").stdout
    server = Server(data).start()
    try:
        some(server, "m")
    finally:
        server.stop()
    assert command(data, "doctor").returncode == 0
    assert not (data / "store" / "unfinished").exists()


def test_a_repair_beside_a_running_server_touches_nothing(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", checkpoint_seconds="60").start()
    try:
        for name in "abc":
            some(server, name)
        for repair in ("store", "log", "checkpoint"):
            done = command(server.data, "doctor", "--repair", repair)
            assert done.returncode == 1
            assert "another process" in done.stderr, done.stderr
    finally:
        server.stop()
    done = command(server.data, "doctor")
    assert done.returncode == 0, done.stdout


def test_a_rebuild_that_was_killed_loses_nothing_that_no_log_holds(data: Path) -> None:
    died("INSERT INTO migrations", 3, "rebuild", "--data", str(data))
    refused = command(data, "serve", "--port", "1")
    assert refused.returncode == 1
    assert f"`trackway rebuild --data {data}` again" in refused.stderr
    assert f"`trackway rebuild --data {data}` again" in command(data, "doctor").stdout
    assert command(data, "doctor", "--repair", "checkpoint").returncode == 1
    done = command(data, "rebuild")
    assert done.returncode == 0, done.stderr
    found = command(
        data, "query", "SELECT (SELECT count() FROM entities FINAL) AS e, count() AS n FROM events", "--json"
    )
    assert found.stdout.replace(" ", "").replace("\n", "") == '[{"e":1,"n":20}]'


@pytest.mark.parametrize("name", [also("events"), "event_counts_from_events"])
def test_a_table_or_view_that_the_engine_does_not_know_any_more_stops_the_start(name: str, data: Path) -> None:
    (definition,) = (data / "store" / "store").glob(f"*/*/{name}.sql")
    definition.unlink()
    for said in (command(data, "doctor").stdout, command(data, "serve", "--port", "1").stderr):
        assert f"has lost {name}" in said, said
        assert f"`trackway rebuild --data {data}`" in said
    assert command(data, "rebuild").returncode == 0
    assert command(data, "doctor").returncode == 0


def test_a_part_that_the_engine_puts_aside_stops_the_start(data: Path) -> None:
    (definition,) = (data / "store" / "store").glob("*/*/events.sql")
    match = re.search(r"UUID '([0-9a-f-]+)'", definition.read_text())
    assert match is not None
    for part in (data / "store" / "store" / match[1][:3] / match[1]).glob("*_0/data.packed"):
        part.write_bytes(b"")
    for _ in range(2):
        assert "20 rows of events" in command(data, "serve", "--port", "1").stderr
    assert command(data, "rebuild").returncode == 0
    assert command(data, "doctor").returncode == 0


@pytest.mark.parametrize("damage", ["emptied", also("database gone")])
def test_a_definition_that_is_damaged_is_refused_with_what_mends_it(damage: str, data: Path) -> None:
    (definition,) = (data / "store" / "store").glob("*/*/events.sql")
    definition.write_bytes(b"")
    if damage == "database gone":
        (data / "store" / "metadata" / "default").unlink()
    for said in (command(data, "doctor").stdout, command(data, "serve", "--port", "1").stderr):
        assert f"`trackway rebuild --data {data}`" in said
    assert command(data, "rebuild").returncode == 0
    assert command(data, "doctor").returncode == 0


def test_message_ids_that_are_not_what_was_written_are_said_and_found_out_anew(data: Path) -> None:
    (journal,) = (data / "loader" / "ids").glob("*.journal")
    journal.write_bytes(bytes(journal.stat().st_size))
    assert "--repair checkpoint" in command(data, "doctor").stdout
    assert "--repair checkpoint" in command(data, "serve", "--port", "1").stderr
    assert command(data, "doctor", "--repair", "checkpoint").returncode == 0
    server = Server(data).start()
    try:
        some(server, "m")
        assert server.sql("SELECT count() AS n FROM events") == [{"n": 20}]
    finally:
        server.stop()


@pytest.mark.parametrize("name", ["pseudonym.key", also("secret.key"), also("views.db")])
def test_a_file_that_is_made_anew_beside_data_is_said(name: str, data: Path) -> None:
    (data / name).unlink()
    assert f"{data / name} is missing" in command(data, "doctor").stdout
    server = Server(data).start()
    try:
        (warning,) = server.http.get("/readyz").json()["warnings"]
        assert name in warning
    finally:
        server.stop()
    assert command(data, "doctor").returncode == 0


def test_an_upload_that_was_killed_half_way_imports_nothing(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    bearer = {"authorization": f"Bearer {SECRET_KEY}"}
    try:
        project = server.http.get("/api/v1/projects", headers=bearer).json()[0]["id"]
        line = '{"type":"track","event":"E","messageId":"%d","anonymousId":"v"}\n'
        body = "".join(line % n for n in range(1000)).encode()
        head = (
            f"POST /api/v1/projects/{project}/transfers/imports?name=a.ndjson&format=ndjson HTTP/1.1\r\n"
            f"Host: x\r\nAuthorization: Bearer {SECRET_KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        with socket.create_connection(("127.0.0.1", server.port)) as sender:
            sender.sendall(head + body[: len(body) // 2])
            until = time.monotonic() + 60
            while not list((server.data / "transfers").glob("*")) and time.monotonic() < until:
                time.sleep(0.05)
            time.sleep(0.5)
            server.stop(signal.SIGKILL)
        server.start()
        until = time.monotonic() + 60
        while time.monotonic() < until:
            (one,) = server.http.get(f"/api/v1/projects/{project}/transfers", headers=bearer).json()
            if one["state"] in ("done", "failed"):
                break
            time.sleep(0.1)
        assert (one["state"], one["outcome"]) == ("failed", {})
        assert "the whole file had arrived" in one["message"]
        assert not list((server.data / "transfers").glob("*"))
    finally:
        server.stop()


# The accounts database in a process that is killed before the n-th statement.
KILLED_ACCOUNTS = """
import os, signal, sys
from sqlalchemy import Engine, event
from trackway.govern.database import GovernDatabase
left = int(sys.argv[2])
@event.listens_for(Engine, "before_cursor_execute")
def before(*_):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
GovernDatabase(sys.argv[1]).close()
"""


@pytest.mark.parametrize("after", [20, also(5), also(40), also(80)])
def test_a_first_start_that_was_killed_while_the_accounts_database_is_made_begins_anew(
    after: int, tmp_path: Path
) -> None:
    dsn = f"sqlite:///{tmp_path / 'accounts.db'}"
    assert processes.run(["-c", KILLED_ACCOUNTS, dsn, str(after)]).returncode == -signal.SIGKILL
    accounts = GovernDatabase(dsn)
    assert accounts.first_start("a@b.example", "a long password") is not None
    accounts.close()


def ended(process: processes.Process | subprocess.Popen[bytes], server: Server) -> None:
    """Send SIGTERM to a server that may be starting; it ends in time, with its engine and without an error."""
    process.send_signal(signal.SIGTERM)
    try:
        status = process.wait(10)
    finally:
        process.kill()
    # Before the server has its handler, the system's own default ends it.
    assert status in (0, -signal.SIGTERM) and "Traceback" not in server.said(), (status, server.said())
    eventually(lambda: not processes_on(server.data))


def processes_on(data: Path) -> list[str]:
    """The processes with a directory among their arguments."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(data).encode() in path.read_bytes():
                found.append(path.parent.name)
    return found


@pytest.mark.parametrize("delay", [also(0.1), 0.3, also(0.45), also(0.6), 0.8, also(1.0), also(1.25), 1.5, also(2.0)])
def test_sigterm_at_any_moment_of_a_first_start_leaves_a_directory_that_starts_again(
    delay: float, tmp_path: Path
) -> None:
    server = Server(tmp_path / "data", fresh=True)
    with (tmp_path / "data.out").open("wb") as output:
        command = ["-m", "trackway", "serve", "--data", str(server.data), "--port", str(server.port)]
        process = processes.start(command, env=server.environment, stdout=output, stderr=output)
        time.sleep(delay)
        ended(process, server)
    server.start()
    try:
        some(server, "m")
    finally:
        server.stop()


def test_sigterm_while_a_library_waits_for_brokers_ends_the_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"kafka://127.0.0.1:{silent.getsockname()[1]}/topic"
        server = Server(tmp_path / "data", fresh=True, log=address)
        with (tmp_path / "data.out").open("wb") as output:
            command = ["-m", "trackway", "serve", "--data", str(server.data), "--port", str(server.port)]
            process = processes.start(command, env=server.environment, stdout=output, stderr=output)
            with silent.accept()[0]:
                ended(process, server)
    assert server.said() == ""


def test_sigterm_while_the_server_starts_ends_it_with_status_0(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "trackway", "serve", "--data", str(tmp_path / "data"), "--port", "1"],
        stderr=subprocess.PIPE, env={**os.environ, "TRACKWAY_WRITE_KEY": WRITE_KEY},
    )  # fmt: skip
    until = time.monotonic() + 60
    while not (tmp_path / "data" / "store").exists() and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 0, said
    assert b"Traceback" not in said
