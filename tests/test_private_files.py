"""Files of a data directory are private, secrets that were given stay unsaid, and accounts that are gone are missed."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

import processes
from conftest import EMAIL, PASSWORD, SECRET_KEY, WRITE_KEY, Server, also
from trackway.collect.pseudonym import DailySalt, installation_key
from trackway.config import Settings
from trackway.govern.identity.encryption import SecretCipher
from trackway.operate.doctor import examine_directory
from trackway.private import KeyUnusable, accessible_to_others, close_to_others

GIVEN = {"TRACKWAY_WRITE_KEY": WRITE_KEY, "TRACKWAY_SECRET_KEY": SECRET_KEY, "TRACKWAY_ADMIN_PASSWORD": PASSWORD}


def run(data: Path, *arguments: str, status: int = 0, before: str = "", **given: str) -> tuple[str, str]:
    """A command on a data directory with a usual umask; what it wrote to both outputs."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TRACKWAY_")}
    command, environment = ["-m", "trackway", *arguments, "--data", str(data)], {**clean, **given}
    if before:  # a shell's limits are of what it starts
        script = ["bash", "-c", f'umask 022; {before} exec "$0" "$@"', sys.executable, *command]
        done = subprocess.run(script, env=environment, capture_output=True, text=True, timeout=120)
    else:
        done = processes.run(command, env=environment, umask=0o022)
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done.stdout, done.stderr


def messages(path: Path, *names: str) -> Path:
    at = datetime.now(UTC).isoformat()
    lines = [{"type": "track", "event": name, "anonymousId": "v", "messageId": name, "timestamp": at} for name in names]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def refused(data: Path, *arguments: str, before: str = "", **given: str) -> str:
    """The sentence with which a command ends."""
    out, said = run(data, *arguments, status=1, before=before, **given)
    lines = [line for line in said.strip().splitlines() if line.startswith("trackway: ")]
    assert len(lines) == 1, out + said
    return lines[0]


def test_a_directory_that_holds_nothing_of_ours_yet_was_open_to_nobody(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    (tmp_path / "data" / "demo-keys.json").touch(mode=0o600)
    assert close_to_others(tmp_path / "data") == 0
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    (tmp_path / "data" / "accounts.db").touch()
    (tmp_path / "data").chmod(0o755)
    assert close_to_others(tmp_path / "data") == 1


def everything(directory: Path) -> list[Path]:
    """A directory and all in it except links; `os.walk` leaves out what a running server removes meanwhile."""
    paths = [Path(folder, name) for folder, folders, files in os.walk(directory) for name in (*folders, *files)]
    return [directory, *(path for path in paths if not path.is_symlink())]


def others(paths: list[Path]) -> list[str]:
    """Those that others may use. A running server removes and renames files: one that is gone is nobody's."""
    modes = {}
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            modes[path] = path.stat().st_mode
    return [f"{path} {stat.S_IMODE(mode):o}" for path, mode in modes.items() if mode & 0o077]


def test_nobody_else_reads_what_a_server_writes(new_server: Callable[..., Server], tmp_path: Path) -> None:
    server = new_server().start()
    server.post("batch", {"batch": [{"type": "page", "anonymousId": f"v{n}", "name": "x"} for n in range(50)]})
    server.http.post("/v1/entities/song/a/view", json={"session_id": "s"}, auth=(WRITE_KEY, ""))
    server.stored()
    headers = {"authorization": f"Bearer {SECRET_KEY}"}
    project = server.http.get("/api/v1/projects", headers=headers).json()[0]["id"]
    path = f"/api/v1/projects/{project}/transfers"
    body = messages(tmp_path / "in.ndjson", "a").read_bytes()
    came = server.http.post(f"{path}/imports?format=ndjson&name=a", content=body, headers=headers)
    made = server.http.post(f"{path}/exports", json={"table": "events", "form": "csv", "period": "7d"}, headers=headers)
    assert (came.status_code, made.status_code) == (201, 201), came.text + made.text
    until = time.monotonic() + 60
    while {one["state"] for one in server.http.get(path, headers=headers).json()} != {"done"}:
        assert time.monotonic() < until, server.http.get(path, headers=headers).text
        time.sleep(0.1)
    running = others(everything(server.data))
    names = {path.name for path in everything(server.data)}
    assert {"accounts.db", "views.db", "secret.key", "pseudonym.key", "log", "loader", "store", "transfers"} <= names
    server.stop()
    assert running == [] and others(everything(server.data)) == []


def test_a_directory_that_was_open_is_closed_at_the_next_start_and_said(tmp_path: Path) -> None:
    data = tmp_path / "data"
    run(data, "import", "ndjson", str(messages(tmp_path / "one", "a")))
    stranger = data / "notes.txt"
    for path in everything(data):
        path.chmod(path.stat().st_mode | 0o055)
    stranger.write_text("of somebody else")
    (finding,) = [one for one in examine_directory(Settings(data=str(data))) if one.part == "modes"]
    assert finding.state == "bad" and f"chmod -R go= {data}" in finding.text
    said = run(data, "import", "ndjson", str(messages(tmp_path / "one", "a")))[1]
    assert "were open to others" in said
    assert [Path(one.split()[0]) for one in others(everything(data))] == [stranger], "what is not ours stays"
    assert "were open" not in run(data, "project", "list")[1]
    (finding,) = [one for one in examine_directory(Settings(data=str(data))) if one.part == "modes"]
    assert finding.state == "fine"


def test_links_out_of_the_directory_are_left_alone(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("x")
    data = tmp_path / "data"
    (data / "log").mkdir(parents=True)
    (data / "log" / "link").symlink_to(outside)
    assert set(accessible_to_others(data)) == {data, data / "log"}
    assert close_to_others(data) == 2 and stat.S_IMODE(outside.stat().st_mode) == 0o644


# Secrets


def test_every_first_start_says_once_what_it_invented(tmp_path: Path) -> None:
    data, file = tmp_path / "text", str(messages(tmp_path / "one", "a"))
    out, said = run(data, "import", "ndjson", file)
    assert "First start" in said and "password" in said and "sk_" in said and "wk_" in said
    assert "First start" not in out + run(data, "import", "ndjson", file)[1]
    out, said = run(tmp_path / "json", "jobs", "run", "aggregate", "--json")
    json.loads(out)
    assert set(json.loads(said)["first_start"]) == {"email", "password", "write_key", "secret_key"}


@pytest.mark.parametrize("as_json", [(), also(("--json",))])
def test_what_was_given_is_named_and_not_shown(as_json: tuple[str, ...], tmp_path: Path) -> None:
    data, file = tmp_path / "data", str(messages(tmp_path / "one", "a"))
    out, said = run(data, "import", "ndjson", file, *as_json, **GIVEN)
    assert said.count("as set") == 3 and not [secret for secret in GIVEN.values() if secret in out + said]
    some = tmp_path / "some"
    out, said = run(some, "import", "ndjson", file, *as_json, TRACKWAY_ADMIN_PASSWORD=PASSWORD)
    assert "sk_" in said and said.count("as set") == 1 and PASSWORD not in out + said


def test_a_port_that_is_taken_is_said_before_anything_is_made(
    new_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = new_server().start()
    for more in ((), ("--json",)):
        data = tmp_path / f"second{len(more)}"
        out, said = run(data, "serve", "--port", str(server.port), *more, status=1)
        assert out == "" and "is not available" in said and not data.exists()


def test_no_secret_reaches_an_output_or_a_file(new_server: Callable[..., Server]) -> None:
    server = new_server(fresh=True).start()
    assert server.http.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).status_code == 200
    server.http.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD, "code": 5})
    headers = {"authorization": f"Bearer {SECRET_KEY}"}
    server.http.get("/api/v1/projects", headers=headers)
    server.http.get(f"/api/v1/projects?key={SECRET_KEY}", headers={"authorization": "Bearer " + "x" * 50})
    server.post("track", {"event": "a", "anonymousId": "v"})
    server.stored()
    server.stop()
    everywhere = [path for path in everything(server.data) if path.is_file()]
    found = [path for path in everywhere for secret in (PASSWORD, SECRET_KEY) if secret.encode() in path.read_bytes()]
    assert found == []
    said = server.said()
    assert "as set" in said and not [secret for secret in GIVEN.values() if secret in said]


# Accounts that are gone, damaged or locked


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped directory with two events."""
    data = tmp_path_factory.mktemp("sound") / "data"
    run(data, "import", "ndjson", str(messages(data.parent / "two", "a", "b")), **GIVEN)
    return data


@pytest.fixture
def broken(sound: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    subprocess.run(["cp", "-a", str(sound), str(tmp_path / "data")], check=True)
    return tmp_path / "data"


def test_data_without_accounts_is_missed_by_every_command(broken: Path, tmp_path: Path) -> None:
    spoil(broken / "accounts.db", "missing")
    file = str(messages(tmp_path / "one", "c"))
    for arguments in (
        ("project", "list"), ("project", "add", "x"), ("user", "list"), ("serve", "--port", "1"), ("import", "ndjson", file),
    ):  # fmt: skip
        said = refused(broken, *arguments)
        assert "contains no project" in said and "--repair accounts" in said, said
    (finding,) = [one for one in examine_directory(Settings(data=str(broken))) if one.part == "accounts"]
    assert finding.state == "bad" and "--repair accounts" in finding.text


@pytest.mark.parametrize("how", ["missing", also("garbage")])
def test_repaired_accounts_show_the_old_data_again(how: str, broken: Path, tmp_path: Path) -> None:
    before = json.loads(run(broken, "project", "list", "--json")[0])[0]["id"]
    spoil(broken / "accounts.db", how)
    done = repaired(broken)
    assert before in done and "sk_" in done and "administrator" in done
    assert "every project that has data exists" in repaired(broken)
    out = run(broken, "import", "ndjson", str(messages(tmp_path / "three", "a", "b", "c")), "--json")[0]
    assert json.loads(out)["added"] == 1
    assert json.loads(run(broken, "project", "list", "--json")[0])[0]["id"] == before
    # In a process of its own: the engine opens one directory a process, and tests before may have opened theirs.
    findings = json.loads(run(broken, "doctor", "--json")[0])
    assert [one for one in findings if one["state"] == "bad"] == []


def repaired(data: Path) -> str:
    return run(data, "doctor", "--repair", "accounts")[0]


def test_events_of_a_project_that_accounts_lack_are_warned_of(
    broken: Path, new_server: Callable[..., Server], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    run(other, "project", "add", "Another")
    spoil(broken / "accounts.db", "missing")
    (other / "accounts.db").rename(broken / "accounts.db")
    server = new_server()
    server.data = broken
    (warning,) = server.start().http.get("/readyz").json()["warnings"]
    assert "--repair accounts" in warning


def spoil(path: Path, how: str) -> None:
    content = path.read_bytes()
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    if how == "missing":
        path.unlink()
        return
    spoiled = {
        "empty": b"",
        "garbage": os.urandom(len(content)),
        "zeros": bytes(len(content)),
        "truncated": content[: len(content) // 2],
    }
    path.write_bytes(spoiled[how])


@pytest.mark.parametrize("how", ["garbage", also("zeros"), also("truncated")])
def test_a_damaged_database_stops_the_start_with_one_sentence(how: str, broken: Path) -> None:
    for name, command in (
        ("accounts.db", ("project", "list")),
        ("accounts.db", ("serve", "--port", "1")),
        ("views.db", ("serve", "--port", "1")),
    ):
        kept = (broken / name).read_bytes()
        spoil(broken / name, how)
        said = refused(broken, *command)
        assert name in said and "is damaged" in said and "backup" in said, said
        (broken / name).write_bytes(kept)


@pytest.mark.parametrize("content", [b"", b"\0" * 64, b"garbage\xff", b"2026-13-41 " + b"a" * 64])
def test_a_key_that_is_none_is_refused_with_what_to_do(content: bytes, tmp_path: Path) -> None:
    opens: dict[str, Callable[[Path], object]] = {
        "secret.key": lambda directory: SecretCipher.of(directory, ""), "pseudonym.key": installation_key, "pseudonym.salt": DailySalt,
    }  # fmt: skip
    for name, opened in opens.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(KeyUnusable, match=rf"{name}.*remove it"):
            opened(tmp_path)
        (tmp_path / name).unlink()
        (tmp_path / name).mkdir()  # root reads what is forbidden, and no directory
        with pytest.raises(KeyUnusable, match=rf"{name} cannot be read"):
            opened(tmp_path)
    with pytest.raises(KeyUnusable, match="`secrets`"):
        SecretCipher.of(tmp_path, "no-key")


@pytest.mark.parametrize("name", ["secret.key", also("pseudonym.key"), "pseudonym.salt"])
def test_a_key_that_is_none_stops_the_start_with_one_sentence(name: str, broken: Path) -> None:
    (broken / name).write_bytes(b"")
    assert name in refused(broken, "serve", "--port", "1")


def test_a_salt_from_the_future_is_not_kept(tmp_path: Path) -> None:
    noon, day = 1_700_000_000_000 // 86_400_000 * 86_400_000 + 43_200_000, 86_400_000
    salt = DailySalt(tmp_path)
    salt.pseudonym(noon + 1000 * day, "81.2.69.160", "Mozilla/5.0")  # the clock was wrong
    first = salt.pseudonym(noon, "81.2.69.160", "Mozilla/5.0")
    assert salt.pseudonym(noon + 1000, "81.2.69.160", "Mozilla/5.0") == first
    assert salt.pseudonym(noon + day, "81.2.69.160", "Mozilla/5.0") != first


@contextmanager
def held(path: Path, exclusively: bool) -> Iterator[None]:
    """A database that another connection holds."""
    other = sqlite3.connect(path, isolation_level=None)
    if exclusively:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_accounts_that_another_process_holds_stop_the_start(broken: Path) -> None:
    with held(broken / "accounts.db", exclusively=True):
        assert "locked by another process" in refused(broken, "serve", "--port", "1")


def test_locked_accounts_are_503_and_not_ready_and_collecting_goes_on(new_server: Callable[..., Server]) -> None:
    server = new_server().start()
    assert server.http.get("/readyz").status_code == 200
    with held(server.data / "accounts.db", exclusively=False):
        answer = server.http.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD})
        assert answer.status_code == 503 and answer.headers["retry-after"] == "5", answer.text
        ready = server.http.get("/readyz")
        assert ready.status_code == 503 and "locked" in ready.json()["trouble"]
        assert server.post("track", {"event": "a", "anonymousId": "v"}).status_code == 202
    assert server.http.get("/readyz").status_code == 200
    assert server.http.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).status_code == 200


def test_too_few_files_stop_the_start_with_one_sentence(broken: Path) -> None:
    assert "ulimit -n" in refused(broken, "serve", "--port", "1", before="ulimit -n 64;")


def test_commits_of_accounts_are_on_disk(tmp_path: Path) -> None:
    from sqlalchemy import text
    from sqlalchemy.engine import make_url

    from trackway.lite import engine_of

    with engine_of(make_url(f"sqlite:///{tmp_path / 'x.db'}")).connect() as connection:
        assert (
            connection.scalar(text("PRAGMA synchronous")) == 2
            and connection.scalar(text("PRAGMA journal_mode")) == "wal"
        )
