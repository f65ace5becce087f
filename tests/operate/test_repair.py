"""Data directories that something happened to: the start and the doctor say what, and a command mends it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import processes
from conftest import Server, also
from trackway.store import checkpoint

EVENTS = 60


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with three segments of the log and everything stored."""
    data = tmp_path_factory.mktemp("repair") / "data"
    server = Server(data, segment_bytes="1").start()
    for batch in range(3):
        events = [
            {"type": "track", "event": "E", "messageId": f"m{batch}-{number}", "anonymousId": f"v{number % 4}"}
            for number in range(EVENTS // 3)
        ]
        server.post("batch", {"batch": [*events, {"type": "track", "messageId": f"refused{batch}"}]})
    server.stored()
    server.stop()
    return data


@pytest.fixture
def data(sound: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    shutil.copytree(sound, tmp_path / "data", symlinks=True)
    return tmp_path / "data"


def command(data: Path, *arguments: str) -> tuple[int, Any, str]:
    """Run a command on a directory: its status, its JSON, what it said on standard error."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRACKWAY_")}
    ran = processes.run(["-m", "trackway", *arguments, "--data", str(data), "--json"], env=environment)
    assert "Traceback" not in ran.stderr, ran.stderr
    return ran.returncode, json.loads(ran.stdout) if ran.stdout.strip() else None, ran.stderr


def doctor(data: Path) -> list[str]:
    """What the doctor calls bad."""
    status, findings, said = command(data, "doctor")
    bad = [finding["text"] for finding in findings if finding["state"] == "bad"]
    assert bool(bad) == (status != 0), (findings, said)
    return bad


def stored(data: Path) -> dict[str, int]:
    """Start a server, let it store what the log holds, and count."""
    server = Server(data).start()
    try:
        server.stored()
        (row,) = server.sql(
            "SELECT count() AS events, uniqExact(message_id) AS ids, (SELECT sum(events) FROM event_counts) AS counted, "
            "(SELECT sum(events) FROM sessions FINAL) AS in_sessions, (SELECT count() FROM rejections) AS refused "
            "FROM events"
        )
        return {name: int(value) for name, value in row.items()}
    finally:
        server.stop()


def all_there(data: Path) -> bool:
    """Whether everything that was acknowledged is stored once, and the doctor agrees."""
    found = stored(data)
    refused = found.pop("refused")
    return set(found.values()) == {EVENTS} and refused == 3 and not doctor(data)


def parts(data: Path, table: str, least_rows: int = 1) -> list[Path]:
    """The directories of the active parts of a table."""
    known = json.loads((data / "loader/checkpoint").read_bytes().partition(b"\n")[2])
    path, active = known["tables"][table][:2]
    return [data / "store" / path / name for name, rows in active.items() if rows >= least_rows]


def test_a_sound_directory_is_fine(data: Path) -> None:
    assert doctor(data) == []


def empty(path: Path) -> None:
    path.write_bytes(b"")


def zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


DAMAGES = [empty, also(zeros), also(lambda path: path.write_text("garbage"))]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_checkpoint_that_cannot_be_read_is_replaced_by_the_one_before(
    data: Path, damage: Callable[[Path], None]
) -> None:
    damage(data / "loader/checkpoint")
    assert doctor(data) == []
    assert all_there(data)


def test_two_checkpoints_that_cannot_be_read_are_said_and_found_out_anew(data: Path) -> None:
    zeros(data / "loader/checkpoint")
    (data / "checkpoint.before").unlink()
    empty(data / "checkpoint.before")
    (bad,) = doctor(data)
    assert "--repair checkpoint" in bad
    status, done, said = command(data, "doctor", "--repair", "checkpoint")
    assert status == 0, said
    assert f"{EVENTS} messages" in done["done"]
    assert all_there(data)


@pytest.mark.parametrize("readable", [also(True), False])
def test_finding_out_what_is_stored_removes_nothing_of_which_no_checkpoint_knows(data: Path, readable: bool) -> None:
    # The parts of the checkpoint before are gone, as when they were merged and a start took the merged one.
    known = checkpoint.previous(data / "loader")
    assert known is not None
    for name in ("sessions", "visitors"):
        known.tables[name].parts = {f"{part}_{9}": rows for part, rows in known.tables[name].parts.items()} or {
            "202611_900_900_0": 1
        }
    newest = (data / "loader/checkpoint").read_bytes()
    checkpoint.write(data / "loader", known)  # now the newest ...
    checkpoint.write(data / "loader", known)  # ... and the one before
    (data / "loader/checkpoint").write_bytes(newest if readable else b"")
    for journal in (data / "loader/ids").glob("*.journal"):
        journal.write_bytes(b"")
    # Without the newest checkpoint, the doctor first names whichever is missing: parts, or message ids.
    advised = ("--repair checkpoint",) if readable else ("rebuild", "--repair checkpoint")
    assert any(command_ in doctor(data)[0] for command_ in advised)
    status, _, said = command(data, "doctor", "--repair", "checkpoint")
    assert status == 0, said
    assert all_there(data)


def test_a_killed_server_whose_loader_directory_is_gone_goes_on_from_the_checkpoint_before(
    data: Path, tmp_path: Path
) -> None:
    """Parts of a batch that is half stored are taken back, although nothing in the store tells them apart."""
    server = Server(data, checkpoint_seconds="1000").start()
    for number in range(3):
        server.post("track", {"event": "E", "messageId": f"more{number}", "anonymousId": "v"})
        server.stored()
    server.stop(signal.SIGKILL)
    shutil.rmtree(data / "loader")
    shutil.rmtree(newest_part(data, "sessions"))
    assert command(data, "doctor", "--repair", "checkpoint")[0] == 0
    found = stored(data)
    assert found["events"] == found["ids"] == found["counted"] == found["in_sessions"] == EVENTS + 3


def newest_part(data: Path, table: str) -> Path:
    """The directory of the part of a table that was written last."""
    known = json.loads((data / "checkpoint.before").read_bytes().partition(b"\n")[2])
    path = data / "store" / known["tables"][table][0]
    return max(path.glob("2*_*"), key=lambda part: int(part.name.split("_")[2]))


def test_a_loader_directory_that_is_gone_doubles_nothing(data: Path) -> None:
    shutil.rmtree(data / "loader")
    assert "--repair checkpoint" in doctor(data)[0]
    assert command(data, "doctor", "--repair", "checkpoint")[0] == 0
    assert all_there(data)


@pytest.mark.parametrize("damage", [also(empty), zeros])
def test_a_file_of_message_ids_that_is_damaged_is_said(data: Path, damage: Callable[[Path], None]) -> None:
    (journal,) = (data / "loader/ids").glob("*.journal")
    damage(journal)
    assert "--repair checkpoint" in doctor(data)[0]
    assert command(data, "doctor", "--repair", "checkpoint")[0] == 0
    assert all_there(data)


def test_a_log_whose_end_is_damaged_or_gone_takes_new_messages_behind_what_is_stored(data: Path) -> None:
    newest = sorted((data / "log").glob("*.log"))[-1]
    newest.unlink()
    server = Server(data).start()
    try:
        assert server.post("track", {"event": "Later", "messageId": "later", "anonymousId": "v"}).status_code == 202
        status = server.stored()
        assert status["ready"]
        assert status["logged"] == EVENTS + 4
        assert server.sql("SELECT count() AS n FROM events")[0]["n"] == EVENTS + 1
    finally:
        server.stop()


def test_a_log_that_is_gone_is_said_and_a_new_one_begins_behind_what_is_stored(data: Path) -> None:
    shutil.rmtree(data / "log")
    assert "lost or replaced" in doctor(data)[0]
    found = stored(data)
    assert (found["events"], found["counted"]) == (EVENTS, EVENTS)


def test_swapped_segments_of_the_log_are_said_and_get_their_names_back(data: Path) -> None:
    first, second, *_ = sorted((data / "log").glob("*.log"))
    first.rename(data / "aside")
    second.rename(first)
    (data / "aside").rename(second)
    assert "--repair log" in doctor(data)[0]
    assert command(data, "doctor", "--repair", "log")[0] == 0
    assert all_there(data)


@pytest.mark.parametrize("which", [also(slice(0, 1)), slice(1, 2), also(slice(2, None)), slice(0, None)])
def test_missing_segments_of_the_log_are_said_and_what_is_stored_is_served(data: Path, which: slice) -> None:
    for segment in sorted((data / "log").glob("*.log"))[which]:
        segment.unlink()
    (bad,) = doctor(data)
    assert "cannot be read; all of them are stored" in bad
    assert stored(data) == {"events": EVENTS, "ids": EVENTS, "counted": EVENTS, "in_sessions": EVENTS, "refused": 3}
    assert doctor(data) == [bad], "neither looking at it nor a start makes it fine"


def test_a_copy_that_was_made_while_messages_came_in_goes_on_with_what_is_in_it(data: Path) -> None:
    # What a copy has when the log and the store were copied first and the loader's checkpoint after a batch more.
    (data / "log" / sorted(path.name for path in (data / "log").glob("*.log"))[2]).unlink()
    shutil.rmtree(parts(data, "events", 10)[0])
    before = sorted(path.relative_to(data) for path in data.rglob("*"))
    (bad,) = doctor(data)
    assert "`trackway rebuild --from-log-only" in bad
    assert "messages before the last stored one" in bad
    after = sorted(path.relative_to(data) for path in data.rglob("*"))
    assert [path for path in before if path not in after] == [], "a start that is refused removes nothing"
    status, done, said = command(data, "rebuild", "--from-log-only")
    assert status == 0, said
    assert done["events"] == EVENTS // 3 * 2
    assert doctor(data) == []


def test_a_removed_part_is_said_and_the_store_is_made_anew_from_the_log(data: Path) -> None:
    shutil.rmtree(parts(data, "events", 10)[0])
    (bad,) = doctor(data)
    assert "rows of events" in bad
    assert "trackway rebuild" in bad
    status, done, said = command(data, "rebuild")
    assert status == 0, said
    assert done["events"] == EVENTS
    assert all_there(data)


def test_what_is_left_of_a_store_goes_on_with_tables_that_agree(data: Path) -> None:
    shutil.rmtree(parts(data, "visitors")[0])
    status, done, said = command(data, "doctor", "--repair", "store")
    assert status == 0, said
    assert "derived tables" in done["done"]
    assert all_there(data)


def test_sessions_that_are_lost_are_counted_again_from_events(data: Path) -> None:
    for part in parts(data, "sessions"):
        shutil.rmtree(part)
    status, done, said = command(data, "doctor", "--repair", "store")
    assert status == 0, said
    assert "sessions" in done["done"]
    assert all_there(data)


def test_events_that_are_lost_come_again_from_the_log(data: Path) -> None:
    shutil.rmtree(max(parts(data, "events"), key=lambda part: (part / "data.packed").stat().st_size))
    assert command(data, "doctor", "--repair", "store")[0] == 0
    assert all_there(data)


def test_events_that_no_log_has_can_be_sent_again(data: Path) -> None:
    for part in parts(data, "events"):
        shutil.rmtree(part)
    shutil.rmtree(data / "log")
    assert command(data, "doctor", "--repair", "store")[0] == 0
    found = stored(data)
    assert found.pop("refused") == 3 and set(found.values()) == {0}
    assert all("log" in one for one in doctor(data))
    server = Server(data).start()
    server.post("batch", {"batch": [{"type": "track", "event": "E", "messageId": "m0-1", "anonymousId": "v1"}]})
    server.stored()
    server.stop()
    assert stored(data)["events"] == 1


def test_rebuilding_needs_the_whole_log_or_its_archive(data: Path, tmp_path: Path) -> None:
    first, *_ = sorted((data / "log").glob("*.log"))
    (tmp_path / "archive").mkdir()
    first.rename(tmp_path / "archive" / first.name)
    status, _, said = command(data, "rebuild")
    assert status == 1
    assert "--archive" in said
    assert "cannot be read; all of them are stored" in doctor(data)[0]
    assert command(data, "rebuild", "--archive", str(tmp_path / "archive"))[0] == 0
    assert all_there(data)


def flip(part: Path) -> None:
    """Change a byte in the middle of a part."""
    for file in part.glob("data.*"):
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 0xFF
        file.write_bytes(content)


def test_a_part_that_is_damaged_is_said(data: Path) -> None:
    flip(parts(data, "events", 10)[0])
    assert doctor(data)


@pytest.mark.parametrize("damage", [zeros, also(Path.unlink)])
def test_the_file_of_a_part_that_is_damaged_or_gone_is_said(data: Path, damage: Callable[[Path], None]) -> None:
    for part in parts(data, "events"):
        damage(part / "data.packed")
    assert doctor(data)


def test_a_part_with_the_updates_of_late_events_that_is_damaged_is_said(data: Path) -> None:
    server = Server(data).start()
    start = datetime.now(UTC) - timedelta(hours=3)
    for minutes in (0, 60, 20, 40):  # the last makes one session of two
        at = (start + timedelta(minutes=minutes)).isoformat()
        server.post("track", {"event": "E", "anonymousId": "late", "timestamp": at})
        server.stored()
    server.stop()
    updates = [part for part in parts(data, "events") if part.name.startswith("patch-")]
    assert updates
    assert not doctor(data)
    for part in updates:
        flip(part)
    shutil.copytree(data, data.with_name("asked"), symlinks=True)
    # The engine may have put them into the rows by now; then nothing reads them any more, and nothing is damaged.
    updated = "session_id, channel, source, medium, campaign, term, content"
    asked, _, _ = command(data.with_name("asked"), "query", f"SELECT name, timestamp, {updated} FROM events")
    assert asked == 0 or doctor(data)


def test_a_copy_of_a_running_server_holds_what_was_stored_when_it_was_made(data: Path, tmp_path: Path) -> None:
    server = Server(data).start()
    try:
        for number in range(20):
            server.post("track", {"event": "E", "messageId": f"more{number}", "anonymousId": "v"})
        server.stored()
        subprocess.run(["cp", "-a", str(data), str(tmp_path / "copy")], check=False, stderr=subprocess.DEVNULL)
    finally:
        server.stop()
    if bad := doctor(tmp_path / "copy"):  # a checkpoint was written while it was copied: docs/how-to/recover.md
        assert "trackway rebuild" in bad[0]
        status, _, said = command(tmp_path / "copy", "rebuild")
        assert status == 0, said
    found = stored(tmp_path / "copy")
    assert found["events"] == found["ids"] == found["counted"] == found["in_sessions"] == EVENTS + 20
