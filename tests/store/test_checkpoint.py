"""Checkpoints: the store goes back to one after a failure, and none has a part of a batch."""

import errno
import math
import threading
from pathlib import Path
from typing import Any
from uuid import UUID

import google_crc32c
import pytest
from batches import messages

from agreement import agree
from conftest import Loaded, eventually
from trackway.store import checkpoint
from trackway.store.recovery import open_log
from trackway.store.refusals import QuestionFailed, StoreBusy


def test_what_was_stored_after_a_checkpoint_is_taken_back_and_stored_again(
    loaded: Loaded, project: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts, merged parts, changed rows and message ids alike."""
    monkeypatch.setattr(loaded.loader, "_checkpoint_seconds", 3600)
    loaded.load(project, messages(10, "first"))
    before = checkpoint.read(loaded.directory / "loader")
    assert before is not None
    for start in range(3):
        loaded.append(project, messages(20, f"{start}-"))
        loaded.loader._step()
        loaded.loader.wait()
    for table in ("events", "sessions", "event_counts", "visitors"):
        loaded.store.command(f"OPTIMIZE TABLE {table} FINAL")
    loaded.store.command("ALTER TABLE events UPDATE title = 'changed' WHERE 1 SETTINGS mutations_sync = 1")
    loaded.crash()
    after = checkpoint.read(loaded.directory / "loader")
    assert after is not None
    assert after.offset == before.offset
    agree(loaded, project, 10)
    assert loaded.rows(project, "SELECT count() AS n FROM events WHERE title = 'changed'") == [{"n": 0}]
    loaded.loader.drain()
    agree(loaded, project, 70)


def test_a_removed_part_is_noticed_at_the_start(tmp_path: Path) -> None:
    """On files alone: the engine of this process has its own directory open."""
    table = tmp_path / "store/store/abc/abc1"
    for name in ("202601_1_3_1", "202601_4_4_0", "202601_5_5_0", "202601_4_6_1", "202602_7_7_0", "tmp_insert_x"):
        (table / name).mkdir(parents=True)
    (table / "format_version.txt").touch()
    (table / "mutation_9.txt").touch()
    for name in ("202603_1_4_1_5", "202603_1_4_1_9", "patch-0a1b-202604_3_3_0", "patch-0a1b-202603_8_8_0"):
        (table / name).mkdir()
    listed = {"202601_1_3_1": 30, "202601_4_4_0": 10, "202601_5_5_0": 5, "202602_2_2_0": 7, "202603_1_4_1_5": 4}
    listed |= {"patch-0a1b-202603_3_3_0": 1, "202605_6_6_1": 0}  # the engine removes an empty part when it likes
    known = checkpoint.Checkpoint(
        offset=5, log="l", tables={"events": checkpoint.Table("store/abc/abc1", listed, 5, False)}, ids={}
    )
    assert checkpoint.restore(tmp_path / "store", known) == [
        checkpoint.Missing("events", "202602_2_2_0", 7),
        checkpoint.Missing("events", "patch-0a1b-202603_3_3_0", 1),
    ]
    kept = {path.name for path in table.iterdir()}
    assert kept == {
        "202601_1_3_1", "202601_4_4_0", "202601_5_5_0", "202603_1_4_1_5", "tmp_insert_x", "format_version.txt",
    }  # fmt: skip


@pytest.mark.parametrize("ends", [True, False])
def test_a_batch_that_is_half_there_is_in_no_checkpoint_when_the_loader_ends(
    loaded: Loaded, project: UUID, monkeypatch: pytest.MonkeyPatch, ends: bool
) -> None:
    """The end is asked for while the batch fails, or while the store does not go back to its checkpoint."""
    loaded.restart()
    monkeypatch.setattr(loaded.loader, "_checkpoint_seconds", math.inf)
    loaded.append(project, messages(6))
    loaded.loader.start()
    eventually(lambda: loaded.loader.stored == loaded.log.end)
    assert loaded.loader.durable < loaded.loader.stored
    insert, asked_to_end = loaded.store.insert, threading.Event()

    def ending() -> None:
        asked_to_end.set()
        if ends:
            eventually(loaded.loader._stopping.is_set)

    def half(into: str, block: bytes, token: str) -> None:
        if into != "events":
            return insert(into, block, token)
        loaded.store.command("ALTER TABLE visitors MODIFY SETTING non_replicated_deduplication_window = 1000")
        loaded.store.command("DETACH TABLE visitors_from_events")
        try:
            insert(into, block, token)
        finally:
            loaded.store.command("ATTACH TABLE visitors_from_events")
        ending()
        raise QuestionFailed("no space left on device")

    def no_way_back(*_: Any) -> None:
        asked_to_end.set()
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(loaded.store, "insert", half)
        if not ends:
            patch.setattr(checkpoint, "restore", no_way_back)
        loaded.append(project, messages(7, "more"))
        assert asked_to_end.wait(60)
        loaded.loader.stop()
    loaded.crash()
    loaded.loader.drain()
    agree(loaded, project, 13)


def test_a_batch_that_is_half_there_is_in_no_checkpoint_of_another_writer(
    loaded: Loaded, project: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer, such as a job, makes its rows durable after a batch failed and before the store goes back."""
    loaded.restart()
    monkeypatch.setattr(loaded.loader, "_checkpoint_seconds", math.inf)
    insert, go_back, tried = loaded.store.insert, loaded.loader._go_back, []

    def half(into: str, block: bytes, token: str) -> None:
        insert(into, block, token)
        if into == "events" and not tried:
            raise QuestionFailed("the engine refuses a row behind a view")

    def going_back() -> None:
        with pytest.raises(StoreBusy):
            loaded.loader.checkpoint()
        tried.append(True)
        go_back()

    monkeypatch.setattr(loaded.store, "insert", half)
    monkeypatch.setattr(loaded.loader, "_go_back", going_back)
    loaded.load(project, messages(5))
    assert tried == [True]
    agree(loaded, project, 5)
    loaded.loader.checkpoint()


def test_a_checkpoint_that_cannot_be_written_stops_nothing(
    loaded: Loaded, project: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded.restart()
    loader = loaded.loader
    monkeypatch.setattr(loader, "_checkpoint_seconds", 0)
    in_the_way = loaded.directory / "loader" / "checkpoint.new"
    in_the_way.mkdir()
    loader.start()
    for prefix in ("first", "second"):
        loaded.append(project, messages(5, prefix))
        eventually(lambda: loader.stored == loaded.log.end)
        eventually(lambda: "checkpoint cannot be written" in loader.trouble)
    in_the_way.rmdir()
    eventually(lambda: loader.durable == loaded.log.end and not loader.trouble)
    loaded.restart()
    agree(loaded, project, 10)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"offset":7,"log":"\xff","tables":{},"ids":{}}', "is damaged although its checksum is right"),
        (b'{"offset":7,"log":', "is damaged although its checksum is right"),
        (b'{"offset":"7","log":"x","tables":{},"ids":{}}', "is of another version"),
    ],
)
def test_a_checkpoint_that_cannot_be_decoded_is_said_and_the_one_before_is_used(
    tmp_path: Path, content: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    directory = tmp_path / "loader"
    directory.mkdir()
    for offset in (5, 6):
        checkpoint.write(directory, checkpoint.Checkpoint(offset=offset, log="x", tables={}, ids={}))
    (directory / "checkpoint").unlink()  # the one before is another link to the file of 5
    (directory / "checkpoint").write_bytes(b"%08x\n" % google_crc32c.value(content) + content)
    known = checkpoint.read(directory)
    assert known is not None and known.offset == 5
    assert reason in caplog.text and "using the checkpoint before it" in caplog.text
    assert checkpoint.is_damaged(directory)
    (tmp_path / "checkpoint.before").write_bytes((directory / "checkpoint").read_bytes())
    with pytest.raises(checkpoint.BadCheckpoint, match=reason):
        checkpoint.read(directory)


def test_a_damaged_checkpoint_has_a_copy_whose_parts_are_there(
    loaded: Loaded, project: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a start, and after a while without messages: merged parts of the checkpoint before are gone then."""
    newest, other = loaded.directory / "loader" / "checkpoint", loaded.directory / "checkpoint.before"

    def same() -> bool:
        return newest.read_bytes() == other.read_bytes() and newest.stat().st_ino != other.stat().st_ino

    monkeypatch.setattr(loaded.loader, "_checkpoint_seconds", math.inf)  # one by each `load`, and no second of the same
    for prefix in "abc":
        loaded.load(project, messages(6, prefix))
    assert not same()
    loaded.loader.stop()
    loaded.store.close()
    loaded.log.close()
    log, _ = open_log(loaded.directory, loaded.directory / "store")
    log.close()
    assert same(), "after a start"
    loaded._open()
    loaded.load(project, messages(6, "d"))
    eventually(lambda: loaded.loader.checkpoint() or same())  # a merge changes it once more
    loaded.append(project, messages(6, "e"))
    loaded.loader.drain()
    newest.write_bytes(b"")
    loaded.crash()
    loaded.loader.drain()
    agree(loaded, project, 30)


def test_a_checkpoint_lists_a_table_that_was_made_after_the_one_before(loaded: Loaded) -> None:
    directory = loaded.directory / "store"
    assert "made_later" not in checkpoint.tables(loaded.store, directory)
    loaded.store.command("CREATE TABLE made_later (n UInt8) ENGINE = MergeTree ORDER BY n")
    try:
        loaded.store.command("INSERT INTO made_later VALUES (1), (2)")
        assert sum(checkpoint.tables(loaded.store, directory)["made_later"].parts.values()) == 2
    finally:
        loaded.store.command("DROP TABLE made_later SYNC")
    assert "made_later" not in checkpoint.tables(loaded.store, directory)
