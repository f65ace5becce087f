"""deploy/trackway.service: checked by systemd's own tools, and its command line run in its sandbox."""

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import unit_file
from confined_server import _CONFINED, ConfinedServer, why_not_filtered

from conftest import eventually
from trackway.web.server.serve import _MOST_FILES, MOST_ENDING_S

_COMPILED = """
import chdb
statement = '''SELECT sum(number * 2 + number % 7 - 3) FROM numbers(100000) GROUP BY number % 5 ORDER BY number % 5
SETTINGS min_count_to_compile_expression = 0, min_count_to_compile_aggregate_expression = 0'''
print(chdb.query(statement, 'TSV').bytes().count(10))
"""


@pytest.fixture
def server() -> Iterator[ConfinedServer]:
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no program systemd-analyze, which knows the system calls of a group")
    unit = unit_file.options()
    made = ConfinedServer(unit["ExecStart"][0].split(), unit_file.environment(), unit_file.sandbox())
    yield made
    made.remove()


def systemd(*arguments: str) -> subprocess.CompletedProcess[str]:
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no program systemd-analyze")
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True)


def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    program, folder = tmp_path / "opt" / "trackway" / "bin" / "trackway", tmp_path / "etc" / "systemd" / "system"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    folder.mkdir(parents=True)
    shutil.copy(unit_file.UNIT, folder)
    checked = systemd("verify", f"--root={tmp_path}", "--recursive-errors=no", unit_file.UNIT.name)
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stderr
    judged = systemd("security", "--offline=true", f"--root={tmp_path}", unit_file.UNIT.name)
    exposure = re.search(r"exposure level for \S+: ([\d.]+)", judged.stdout)
    assert exposure is not None, judged.stderr
    assert float(exposure[1]) < 2, judged.stdout


def test_times_and_limits_are_those_of_the_server() -> None:
    unit = unit_file.options()
    assert unit_file.seconds(unit["TimeoutStopSec"][0]) > MOST_ENDING_S
    assert int(unit["LimitNOFILE"][0]) == _MOST_FILES
    assert (unit["KillMode"], unit["Restart"]) == (["mixed"], ["always"])


def test_it_collects_stores_and_answers_in_the_sandbox_and_ends_by_itself(server: ConfinedServer) -> None:
    server.start()
    batch = [
        {"type": "track", "event": "Seen", "anonymousId": f"v{n % 50}", "properties": {"n": n}} for n in range(500)
    ]
    assert server.post("batch", {"batch": batch}).status_code == 202
    assert server.stored()["dead_letters"] == 0
    statement = (
        "SELECT sum(n * 2 + n % 7 - 3) AS s FROM (SELECT toInt64(properties.n) AS n FROM events WHERE name = 'Seen')"
    )
    answers = [server.sql(statement)[0]["s"] for _ in range(6)]  # the engine compiles what it is asked the third time
    assert [float(one) for one in answers] == [float(sum(n * 2 + n % 7 - 3 for n in range(500)))] * 6
    assert server.asked({"question": "trend", "period": "7d"})
    assert server.process is not None
    server.process.send_signal(signal.SIGTERM)  # to this process alone: KillMode=mixed
    assert server.process.wait(60) == 0, server.said()
    server.output.close()
    again = server.start()
    assert again.stored()["stored"] == 500


@pytest.mark.thorough
def test_the_engine_is_started_again_in_the_sandbox_when_it_is_killed(server: ConfinedServer) -> None:
    server.start()
    engine = int((server.data / "store" / "engine" / "lock").read_text())
    assert engine != server.process.pid  # type: ignore[union-attr]
    subprocess.run(["kill", "-KILL", str(engine)], check=True)
    assert server.post("track", {"event": "Meanwhile", "anonymousId": "a"}).status_code == 202
    eventually(lambda: server.http.get("/readyz").json()["stored"] == 1)
    assert int((server.data / "store" / "engine" / "lock").read_text()) != engine


def test_the_engine_needs_memory_that_it_writes_and_executes() -> None:
    """Why MemoryDenyWriteExecute is left out. When this fails, the engine no longer needs it, and the unit can have it."""
    if reason := why_not_filtered():
        pytest.skip(reason)
    assert "MemoryDenyWriteExecute" not in unit_file.options()
    run = [sys.executable, _CONFINED]
    free = subprocess.run([*run, "{}", sys.executable, "-c", _COMPILED], capture_output=True, text=True)
    assert free.stdout == "5\n", free.stderr
    denied = subprocess.run(
        [*run, '{"no_new_code": true}', sys.executable, "-c", _COMPILED], capture_output=True, text=True
    )
    assert "CANNOT_MPROTECT" in denied.stderr, denied
