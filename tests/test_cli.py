"""The command line, as scripts use it: `--json` everywhere, an empty directory, a running server."""

import re
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

import processes
from commands import as_json, run
from conftest import SECRET_KEY, WRITE_KEY, Server, eventually
from trackway.config import RANGES, BadSettings, Settings, load


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that a server has used and left."""
    server = Server(tmp_path_factory.mktemp("cli") / "data").start()
    for number in range(5):
        server.post("track", {"event": "Told", "anonymousId": "cli", "properties": {"n": number}})
    server.stored()
    server.stop()
    return server.data


def test_an_empty_directory_is_set_up_with_what_the_environment_says(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", fresh=True).start()
    assert server.post("page", {"anonymousId": "x"}).status_code == 202
    assert server.http.get("/api/v1/projects", headers={"authorization": f"Bearer {SECRET_KEY}"}).status_code == 200
    server.stop()
    assert "First start" in server.said()
    server.start()
    server.stop()
    assert server.said().count("First start") == 1


@pytest.mark.parametrize(
    "arguments",
    [("export", "events", "OUT"), ("query", "SELECT 1 AS n"), ("doctor",), ("project", "list"), ("user", "list"), ("jobs", "list"),
     ("letters", "list"), ("aggregate", "--date", "2026-01-01"), ("refresh",)],
)  # fmt: skip
def test_commands_run_in_a_new_interpreter(stopped: Path, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Elsewhere tests fork commands from a process that has imported them; these import what they need themselves."""
    words = [str(tmp_path / "out.csv") if word == "OUT" else word for word in arguments]
    command = [sys.executable, "-m", "trackway", *words, "--data", str(stopped)]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_query_on_a_stopped_store_and_on_a_running_one(stopped: Path, server: Server) -> None:
    assert as_json("query", "--data", str(stopped), "SELECT name, count() AS n FROM events GROUP BY name") == [
        {"name": "Told", "n": 5}
    ]
    assert "Told" in run("query", "--data", str(stopped), "SELECT name FROM events LIMIT 1")[0]
    assert as_json("query", "--url", server.url, "--key", SECRET_KEY, "SELECT 1 AS one") == [{"one": 1}]
    assert (
        "no project has this secret key" in run("query", "--url", server.url, "--key", "sk_x", "SELECT 1", status=1)[1]
    )
    assert "in another process" in run("query", "--data", str(server.data), "SELECT 1", status=1)[1]
    assert "there is no store" in run("query", "--data", "/tmp/nothing-here", "SELECT 1", status=1)[1]


@pytest.mark.parametrize("suffix", ["parquet", "csv", "arrow", "ndjson"])
def test_export_writes_every_table_in_every_format(stopped: Path, tmp_path: Path, suffix: str) -> None:
    for table, rows in (("events", 5), ("sessions", 1), ("visitors", 1)):
        out = tmp_path / f"{table}.{suffix}"
        assert as_json("export", table, str(out), "--data", str(stopped))[0]["rows"] == rows
        assert out.stat().st_size > 100


def test_a_second_server_on_a_directory_is_refused_with_the_reason(server: Server) -> None:
    assert "open in another process" in run("serve", "--data", str(server.data), "--port", "1", status=1)[1]


def test_a_port_that_is_taken_is_refused_with_the_reason(server: Server, tmp_path: Path) -> None:
    text = run("serve", "--data", str(tmp_path / "d"), "--port", str(server.port), status=1)[1]
    assert "is not available" in text


def test_projects_and_users_are_made_while_a_server_runs(server: Server) -> None:
    (made,) = as_json("project", "add", "Second", "--timezone", "Europe/Berlin", "--data", str(server.data))
    assert made["write_key"].startswith("wk_")
    names = [project["name"] for project in as_json("project", "list", "--data", str(server.data))]
    assert "Second" in names
    body = {"event": "In the second", "anonymousId": "x", "writeKey": made["write_key"]}
    # A new key is known to a running server within a second.
    eventually(lambda: server.http.post("/v1/track", json=body).status_code == 202)
    add = (
        "user",
        "add",
        "cli@example.com",
        "--password",
        "a long password",
        "--project",
        "Second",
        "--data",
        str(server.data),
    )
    assert as_json(*add) == [{"email": "cli@example.com", "admin": False}]
    assert "already a user" in run(*add, status=1)[1]
    me = server.http.post("/api/v1/sign-in", json={"email": "cli@example.com", "password": "a long password"}).json()
    assert me["email"] == "cli@example.com"
    assert [project["name"] for project in server.http.get("/api/v1/me").json()["projects"]] == ["Second"]
    as_json("user", "remove", "cli@example.com", "--data", str(server.data))


def test_the_doctor_finds_nothing_wrong_with_a_sound_directory_and_server(stopped: Path, server: Server) -> None:
    assert {finding["state"] for finding in as_json("doctor", "--data", str(stopped))} == {"fine"}
    assert {finding["state"] for finding in as_json("doctor", "--url", server.url)} == {"fine"}


def test_the_doctors_numbers_add_up_whatever_became_of_messages(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    for name in ("a", "b", "b"):
        server.post("track", {"event": "E", "anonymousId": "v", "messageId": name})
    server.post("track", {"event": "", "anonymousId": "v"})
    server.post("track", {"event": "Bought", "anonymousId": "v", "properties": {"revenue": "12,50"}})
    server.post("page", {"anonymousId": "crawler", "context": {"userAgent": "Googlebot/2.1"}})
    server.http.post("/v1/entities/a/1/view", json={"session_id": "s"}, auth=(WRITE_KEY, ""))
    server.stored()
    server.stop()
    findings = {one["part"]: one["text"] for one in as_json("doctor", "--data", str(server.data))}
    [entries] = re.findall(r"^(\d+) entries", findings["log"])
    sums = re.search(
        r"(\d+) events \((\d+) of them flagged as bots\) \+ (\d+) refusals and notes .* \+ (\d+) dead letters \+ "
        r"(\d+) others \(repeats of a messageId.*\) = (\d+) entries",
        findings["store"],
    )
    assert sums is not None, findings["store"]
    events, bots, refused, letters, others, total = map(int, sums.groups())
    assert events + refused + letters + others == total == int(entries)
    assert (refused, letters, others) == (2, 0, 1) and bots >= 1
    [stored] = as_json("query", "--data", str(server.data), "SELECT count() AS n FROM events")
    assert events == stored["n"] == 5


def test_the_doctor_names_what_is_wrong_and_what_mends_it(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    for number in range(3):
        server.post("track", {"event": "E", "anonymousId": f"v{number}"})
    server.stored()
    server.stop()
    segment = next((server.data / "log").glob("*.log"))
    content = bytearray(segment.read_bytes())
    content[30] ^= 0xFF
    segment.write_bytes(content)
    (server.data / "accounts.db").write_bytes(b"not a database, but long enough to be read as one" * 100)
    findings = {finding["part"]: finding for finding in as_json("doctor", "--data", str(server.data), status=1)}
    assert findings["accounts"]["state"] == "bad" and "backup" in findings["accounts"]["text"]
    assert "offsets 0 to 0" in run("doctor", "--data", str(server.data), status=1)[0]
    unreachable = as_json("doctor", "--url", "http://127.0.0.1:9", status=1)
    assert "start it with `trackway serve`" in unreachable[0]["text"]


def test_settings_that_cannot_be_are_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trackway.toml").write_text("prot = 8700\n")
    monkeypatch.chdir(tmp_path)
    assert "unknown setting 'prot'" in run("doctor", status=1)[1]
    (tmp_path / "trackway.toml").write_text("port = [")
    assert "is not valid TOML" in run("doctor", status=1)[1]
    (tmp_path / "trackway.toml").unlink()
    for command in (["doctor"], ["serve"], ["project", "list"], ["rebuild"], ["jobs", "list"]):
        monkeypatch.setenv("TRACKWAY_PORT", "99999")
        refused = run(*command, status=1)[1]
        assert "TRACKWAY_PORT is '99999'; give a whole number from 1 to 65,535, such as 8700" in refused, command
        assert "Traceback" not in refused


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "many", "give a whole number from 1 to 65,535, such as 8700"), ("PORT", "", "from 1 to 65,535"),
        ("PORT", "0", "from 1 to 65,535"), ("BATCH_SECONDS", "-1", "a number from 0 to 60 seconds, such as 0.5"),
        ("BATCH_SECONDS", "nan", "from 0 to 60"), ("KEEP_VIEWS_DAYS", "abc", "from 0 to 36,500 days, such as 90"),
        ("KEEP_LOG_HOURS", "inf", "hours, such as 72.0"), ("BATCH_MESSAGES", "0", "from 1 to 1,000,000 messages"),
        ("TRUNCATE_IP", "maybe", "give true or false, such as true"), ("ENGINE_MEMORY_MB", "1", "from 64 to"),
        ("PROXY_HEADER", "X-Who", "one of X-Forwarded-For, Forwarded"), ("SMTP_PORT", "70000", "such as 25"),
    ],
)  # fmt: skip
def test_a_bad_value_names_the_variable_what_it_may_be_and_an_example(
    name: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"TRACKWAY_{name}", value)
    with pytest.raises(BadSettings) as refused:
        load()
    assert str(refused.value).startswith(f"TRACKWAY_{name} is {value!r}; give ") and says in str(refused.value)


def test_every_number_has_a_range_that_its_default_is_in() -> None:
    numbers = {name for name, kind in get_type_hints(Settings).items() if kind in (int, float)}
    assert RANGES.keys() == numbers
    assert all(limits.least <= getattr(Settings(), name) <= limits.most for name, limits in RANGES.items())


def test_a_variable_that_is_no_setting_is_said_with_the_nearest_name_and_without_its_value(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", fresh=True)
    server.environment |= {"TRACKWAY_WRITEKEY": "hidden-1", "TRACKWAY_RETENTION_DAYS": "hidden-2"}
    server.start()
    server.stop()
    said = server.said()
    done = processes.run(["-m", "trackway", "doctor", "--data", str(server.data)], env=server.environment)
    for text in (said, done.stdout):
        [line] = [line for line in text.splitlines() if "TRACKWAY_WRITEKEY" in line]
        assert "is set and is not a setting, so it does nothing; did you mean TRACKWAY_WRITE_KEY?" in line
        assert "TRACKWAY_RETENTION_DAYS is set" in text and "hidden-" not in text
        assert "TRACKWAY_PORT" not in text


def test_keys_are_printed_whole_at_any_width(stopped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for width in ("20", "80", "300"):
        monkeypatch.setenv("COLUMNS", width)
        lines = run("project", "list", "--data", str(stopped))[0].splitlines()
        assert len(lines) == 2 and lines[1].rstrip().endswith(WRITE_KEY), width


def test_help_says_what_there_is() -> None:
    text = run("--help")[0]
    assert all(command in text for command in ("serve", "import", "export", "query", "project", "user", "doctor"))
