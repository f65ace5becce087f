"""The loader: what is in the log is in the store exactly once, whatever happens on the way."""

import errno
import json
import math
import threading
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
import xxhash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agreement import agree
from conftest import Loaded, eventually
from factories import message
from trackway.event import Arrival, Event, Location, Message, Rejection, now
from trackway.store import checkpoint, dead_letters, message_ids, preparing
from trackway.store.message_ids import SeenMessages
from trackway.store.recovery import open_log
from trackway.store.refusals import QuestionFailed, StoreBusy


def messages(count: int, prefix: str = "m", visitors: int = 5) -> list[Message]:
    return [
        message(
            "" if number % 2 else "Clicked",
            1_790_000_000_000 + number * 1000,
            visitor=f"visitor-{number % visitors}",
            id=f"{prefix}{number}",
            url=f"https://a.example/{number % 7}",
        )
        for number in range(count)
    ]


def test_every_table_agrees_after_several_batches(loaded: Loaded, project: UUID) -> None:
    for start in range(4):
        loaded.load(project, messages(50, f"{start}-"))
    agree(loaded, project, 200)


def test_a_message_id_counts_once_in_a_batch_across_batches_and_across_restarts(loaded: Loaded, project: UUID) -> None:
    batch = messages(20)
    loaded.load(project, batch + batch)
    loaded.load(project, batch[:5] + messages(3, "new"))
    loaded.restart()
    loaded.load(project, batch)
    loaded.crash()
    agree(loaded, project, 23)


def test_the_same_message_id_in_another_project_is_another_message(loaded: Loaded, project: UUID) -> None:
    other = UUID(int=project.int ^ 1)
    loaded.load(project, messages(3))
    loaded.load(other, messages(3))
    agree(loaded, project, 3)
    agree(loaded, other, 3)


class Died(BaseException):
    """The process ends here: nothing catches it."""


TABLES = ["identities", "events", "sessions", "dead_letters"]


@pytest.mark.parametrize("point", ["before events", *(f"after {table}" for table in TABLES), "in the checkpoint"])
def test_a_crash_at_any_point_of_a_batch_changes_nothing(
    loaded: Loaded, project: UUID, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded.load(project, messages(10, "first"))
    insert, write = loaded.store.insert, checkpoint.write

    def dying_insert(table: str, *rest: Any) -> None:
        if point == f"before {table}":
            raise Died
        insert(table, *rest)
        if point == f"after {table}":
            raise Died

    def dying_write(*arguments: Any) -> None:
        if point == "in the checkpoint":
            raise Died
        write(*arguments)

    loaded.append(project, [*messages(30, "second", visitors=9), unstorable("bad")])
    with monkeypatch.context() as patch:
        patch.setattr(loaded.store, "insert", dying_insert)
        patch.setattr(checkpoint, "write", dying_write)
        with pytest.raises(Died):
            loaded.loader.drain()
    loaded.crash()
    loaded.load(project, messages(5, "third") + messages(30, "second", visitors=9))
    agree(loaded, project, 45)
    assert letters(loaded, project) == ["bad"]


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


def unstorable(name: str) -> Message:
    """A message that enriching fails on, as the fixture has it: none that the door lets in is known."""
    return message("Unstorable", visitor="v", id=name)


@pytest.fixture(autouse=True)
def _enriching_fails_on_some(monkeypatch: pytest.MonkeyPatch) -> None:
    enrich = preparing.enrich

    def failing(message: Message, arrival: Arrival, key: bytes) -> Event:
        if message.event == "Unstorable":
            raise ValueError("it cannot be enriched")
        return enrich(message, arrival, key)

    monkeypatch.setattr(preparing, "enrich", failing)


def letters(loaded: Loaded, project: UUID) -> list[str]:
    found = loaded.rows(project, "SELECT message_id FROM dead_letters FINAL WHERE project_id = {p:UUID} ORDER BY ALL")
    return [row["message_id"] for row in found]


def test_a_message_that_cannot_be_stored_becomes_a_dead_letter_and_its_neighbours_are_stored(
    loaded: Loaded, project: UUID
) -> None:
    batch = messages(10)
    loaded.load(project, [*batch[:5], unstorable("bad1"), *batch[5:], unstorable("bad2")])
    agree(loaded, project, 10)
    assert letters(loaded, project) == ["bad1", "bad2"]
    assert loaded.loader.dead_letters >= 2
    loaded.load(project, [unstorable("bad1")])
    assert letters(loaded, project) == ["bad1", "bad2"]


@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_message_on_which_the_pipeline_fails_is_found_by_halving(
    loaded: Loaded, project: UUID, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trackway.store import loader as module

    prepare, failures = module.prepare, []

    def failing(stretch: Any, derivers: Any, blamed: Any, plain: Any) -> Any:
        prepared = prepare(stretch, derivers, blamed, plain)
        if any(message.message_id == "bad" and key not in blamed for message, _, key in stretch.messages):
            failures.append(stretch)
            raise ZeroDivisionError("the pipeline has a bug")
        return prepared

    monkeypatch.setattr(module, "prepare", failing)
    batch = messages(size - 1)
    batch.insert(size // 3, message("E", visitor="visitor-1", id="bad"))
    loaded.load(project, batch)
    agree(loaded, project, size - 1)
    assert letters(loaded, project) == ["bad"]
    assert len(failures) <= math.ceil(math.log2(size)) + 1


def test_a_repeat_is_one_event_though_the_clock_jumps_before_it_is_stored(loaded: Loaded, project: UUID) -> None:
    batch, at = messages(20), now()
    loaded.load(project, batch, at)
    loaded.load(project, messages(1, "between"), at)
    loaded.append(project, batch, at + 1000)
    loaded.append(project, messages(1, "later"), at + 22 * 86_400_000)  # stored in one batch with those before it
    loaded.loader.drain()
    loaded.append(project, batch, at + 2000)  # the clock is back
    loaded.loader.drain()
    assert loaded.rows(project, "SELECT count() AS n FROM events WHERE project_id = {p:UUID}") == [{"n": 22}]


def test_rows_that_the_engine_refuses_are_found_on_a_probe(
    loaded: Loaded, project: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine's own refusal: a view on the table divides by zero for some rows."""
    command = loaded.store.command
    command("CREATE TABLE sevenths (n UInt8) ENGINE = Null")
    command("CREATE MATERIALIZED VIEW refusing TO sevenths AS SELECT intDiv(1, name != 'Refused') AS n FROM events")
    try:
        bad = [message("Refused", visitor="visitor-1", id=f"bad{number}") for number in range(3)]
        batch = messages(40)
        loaded.load(project, [*batch[:10], bad[0], *batch[10:30], *bad[1:], *batch[30:]])
    finally:
        command("DROP VIEW refusing")
        command("DROP TABLE sevenths")
    assert letters(loaded, project) == ["bad0", "bad1", "bad2"]
    stored = "SELECT count() AS n, uniqExact(message_id) AS ids FROM events WHERE project_id = {p:UUID}"
    assert loaded.rows(project, stored) == [{"n": 40, "ids": 40}]
    assert loaded.rows(project, "SELECT sum(events) AS n FROM event_counts WHERE project_id = {p:UUID}") == [{"n": 40}]
    assert not [name for name in loaded.store.ask("SHOW TABLES")["name"].to_pylist() if name.startswith("probe_")]


@pytest.mark.parametrize("size", [1, 9, 50])
def test_a_message_that_only_what_comes_after_the_tables_refuses_is_found(
    loaded: Loaded, project: UUID, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as totals of orders that are beyond their column."""
    from trackway.store import batch as module

    def failing(store: Any, project_id: UUID, identities: list[int]) -> None:
        rows = store.ask("SELECT count() AS n FROM orders WHERE order_id = 'bad'")
        if rows["n"][0].as_py():
            raise QuestionFailed("it overflows", "DECIMAL_OVERFLOW")

    monkeypatch.setattr(module, "restate", failing)
    monkeypatch.setattr(loaded.loader, "_checkpoint_seconds", 3600)
    batch = messages(size - 1)
    bad = message("Order Completed", visitor="v", id="bad", properties={"order_id": "bad", "total": 5})
    loaded.load(project, [*batch[: size // 2], bad, *batch[size // 2 :]])
    agree(loaded, project, size - 1)
    assert letters(loaded, project) == ["bad"]


def test_a_dead_letter_is_replayed_after_a_fix_and_dropped(
    loaded: Loaded, project: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(preparing, "LARGEST_AMOUNT", 5)
        sold = [
            message("Sold", visitor="v", id=f"s{revenue}", properties={"revenue": revenue}) for revenue in (1, 10, 100)
        ]
        loaded.load(project, sold)
    assert letters(loaded, project) == ["s10", "s100"]

    def write(arrival: Arrival) -> None:
        loaded.log.write([msgspec.msgpack.encode(arrival)], 1)

    (first,) = dead_letters.listed(loaded.store, project, "s10")
    assert "revenue" in first.reason
    assert dead_letters.replay(loaded.store, [first.key], write, loaded.loader.store_lock) == 1
    dead_letters.remove(loaded.store, dead_letters.keys(loaded.store, project, "s100"), loaded.loader.store_lock)
    loaded.loader.drain()
    assert letters(loaded, project) == []
    agree(loaded, project, 2)


def test_a_letter_that_is_refused_again_while_it_is_replayed_stays(loaded: Loaded, project: UUID) -> None:
    """The loader may be faster than whoever replays."""
    loaded.load(project, [unstorable("bad1"), unstorable("bad2")])

    def write(arrival: Arrival) -> None:
        loaded.log.write([msgspec.msgpack.encode(arrival)], 1)
        loaded.loader.drain()

    before = dead_letters.keys(loaded.store, project)
    assert dead_letters.replay(loaded.store, before, write, nullcontext()) == 2
    assert letters(loaded, project) == ["bad1", "bad2"]
    assert dead_letters.counts(loaded.store)[project] == 2
    dead_letters.remove(loaded.store, before, loaded.loader.store_lock)
    assert letters(loaded, project) == ["bad1", "bad2"]
    dead_letters.remove(
        loaded.store, dead_letters.keys(loaded.store, project, "bad1", "elsewhere"), loaded.loader.store_lock
    )
    assert letters(loaded, project) == ["bad1", "bad2"]
    dead_letters.remove(loaded.store, dead_letters.keys(loaded.store, project, "bad1"), loaded.loader.store_lock)
    assert letters(loaded, project) == ["bad2"]


def test_a_letter_that_is_refused_again_stays_when_the_clock_was_set_back_meanwhile(
    loaded: Loaded, project: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded.load(project, [unstorable("bad")])
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000 * 10**9)

    def write(arrival: Arrival) -> None:
        loaded.log.write([msgspec.msgpack.encode(arrival)], 1)

    for _ in range(3):
        known = dead_letters.keys(loaded.store, project)
        assert dead_letters.replay(loaded.store, known, write, loaded.loader.store_lock) == 1
        assert letters(loaded, project) == []
        loaded.loader.drain()
        assert letters(loaded, project) == ["bad"]


def test_the_engine_away_for_a_while_delays_and_loses_nothing(
    loaded: Loaded, project: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert, refusals = loaded.store.insert, iter([True, True, False])

    def away(table: str, *arguments: Any) -> None:
        if table != "lists" and next(refusals, False):
            raise QuestionFailed("not now")
        insert(table, *arguments)

    monkeypatch.setattr(loaded.store, "insert", away)
    loaded.load(project, messages(8))
    assert loaded.loader.trouble == ""
    agree(loaded, project, 8)


@pytest.mark.parametrize("table", ["events", "sessions", "dead_letters"])
def test_a_batch_of_which_the_engine_takes_a_part_is_whole_after_the_next_try(
    loaded: Loaded, project: UUID, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a full disk does it: rows are in a table, not in the view behind it, and the engine takes them for done."""
    insert, failing = loaded.store.insert, iter([True])

    def half(into: str, block: bytes, token: str) -> None:
        if into == table and next(failing, False):
            loaded.store.command("ALTER TABLE visitors MODIFY SETTING non_replicated_deduplication_window = 1000")
            loaded.store.command("DETACH TABLE visitors_from_events")
            try:
                insert(into, block, token)
            finally:
                loaded.store.command("ATTACH TABLE visitors_from_events")
            raise QuestionFailed("no space left on device")
        insert(into, block, token)

    monkeypatch.setattr(loaded.store, "insert", half)
    loaded.load(project, [*messages(12), unstorable("bad")])
    agree(loaded, project, 12)
    assert letters(loaded, project) == ["bad"]


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


def test_a_late_event_moves_stored_events_into_its_session(loaded: Loaded, project: UUID) -> None:
    def page(minute: int) -> Message:
        at = 1_790_000_000_000 + minute * 60_000
        return message(at=at, visitor="v", id=str(minute))

    loaded.load(project, [page(0)])
    loaded.load(project, [page(40)])
    assert loaded.rows(project, "SELECT count() AS n FROM sessions FINAL WHERE project_id = {p:UUID}") == [{"n": 2}]
    loaded.load(project, [page(20)])
    agree(loaded, project, 3)
    assert loaded.rows(project, "SELECT uniqExact(session_id) AS n FROM events WHERE project_id = {p:UUID}") == [
        {"n": 1}
    ]


def test_sessions_go_on_across_a_restart(loaded: Loaded, project: UUID) -> None:
    recent = now() - 60_000
    loaded.load(project, [message(at=recent, visitor="v", id="1")])
    loaded.crash()
    loaded.load(project, [message(at=recent + 1000, visitor="v", id="2")])
    (row,) = loaded.rows(project, "SELECT events, page_views FROM sessions FINAL WHERE project_id = {p:UUID}")
    assert row == {"events": 2, "page_views": 2}


def test_rejections_are_kept_with_field_and_reason(loaded: Loaded, project: UUID) -> None:
    rejection = Rejection(0, "event", "missing", "m1", '{"type":"track"}')
    arrival = Arrival(now(), project.bytes, "", Location(), "", "", False, None, [], [rejection])
    loaded.log.write([msgspec.msgpack.encode(arrival)], 1)
    loaded.loader.drain()
    rows = loaded.rows(project, "SELECT field, reason, message_id, body FROM rejections WHERE project_id = {p:UUID}")
    assert rows == [{"field": "event", "reason": "missing", "message_id": "m1", "body": '{"type":"track"}'}]


keys = st.text(max_size=12) | st.sampled_from(
    ['a.b"c', 'b"c', "a", "b", "a.b", "a.b.c", "b.a", ".", "..", "a.", ".a", ""]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=15,
)  # fmt: skip


@pytest.mark.timeout(120)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(properties=st.lists(st.dictionaries(keys, json_values, max_size=6), min_size=1, max_size=12))
def test_no_property_that_json_can_hold_stops_the_loader(loaded: Loaded, properties: list[dict[str, Any]]) -> None:
    from trackway.event import new_id

    project = new_id()
    batch = [
        message("E", 1_790_000_000_000, visitor="v", id=str(number), properties=one)
        for number, one in enumerate(properties)
    ]
    loaded.load(project, batch)
    assert loaded.rows(project, "SELECT count() AS n FROM events WHERE project_id = {p:UUID}") == [{"n": len(batch)}]


def test_paths_that_clash_keep_the_first_and_lose_no_event(loaded: Loaded, project: UUID) -> None:
    one = message("E", visitor="v", id="1", properties={"a.b": 1, "a": {"b": 2, "c": 3}})
    loaded.load(project, [one])
    (row,) = loaded.rows(project, "SELECT toJSONString(properties) AS p FROM events WHERE project_id = {p:UUID}")
    assert json.loads(row["p"]) == {"a": {"b": 1, "c": 3}}


def test_a_quote_within_a_key_hides_no_clash(loaded: Loaded, project: UUID) -> None:
    one = message("E", visitor="v", id="1", properties={'a.b"c': 1, "a": {'b"c': 2, "\\": 3}})
    loaded.load(project, [one])
    (row,) = loaded.rows(project, "SELECT toJSONString(properties) AS p FROM events WHERE project_id = {p:UUID}")
    assert json.loads(row["p"]) == {"a": {'b"c': 1, "\\": 3}}


def test_properties_that_the_engine_refuses_are_kept_as_text_and_stop_nothing(
    loaded: Loaded, project: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trackway.enrich import pipeline

    monkeypatch.setattr(pipeline, "_flat", lambda value: value)
    clashing = message("E", visitor="v", id="1", properties={"a.b": 1, "a": {"b": 2}})
    loaded.load(project, [clashing, *messages(3)])
    agree(loaded, project, 4)
    (row,) = loaded.rows(
        project, "SELECT properties.unparsed::String AS p FROM events WHERE project_id = {p:UUID} AND name = 'E'"
    )
    assert json.loads(row["p"]) == {"a.b": 1, "a": {"b": 2}}


def test_seen_messages_survive_a_restart_spills_and_merges(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr(message_ids, "RUN_LENGTH", 10)
    monkeypatch.setattr(message_ids, "MOST_RUNS", 3)
    known = SeenMessages(tmp_path)
    digests = [xxhash.xxh3_128_digest(str(number).encode()) for number in range(0, 400, 2)]
    day = 86_400_000 * 20_000
    for start in range(0, 200, 7):
        known.add(digests[start : start + 7], day)
        files = known.flush()
        known.settle()
    asked = [xxhash.xxh3_128_digest(str(number).encode()) for number in range(400)]
    for reader in (known, SeenMessages(tmp_path), SeenMessages(tmp_path, files)):
        assert reader.known(asked, day) == [number % 2 == 0 for number in range(400)]


def _digests(*numbers: int) -> list[bytes]:
    return [bytes([number]) * 16 for number in numbers]


@pytest.mark.parametrize("name", ["*.run", "*.journal"])
def test_damaged_files_of_message_ids_are_noticed(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    from trackway.store import message_ids

    monkeypatch.setattr(message_ids, "RUN_LENGTH", 1000)
    known = SeenMessages(tmp_path)
    for start in (0, 1000):
        known.add([xxhash.xxh3_128_digest(str(start + number).encode()) for number in range(1000 - start // 2)], 10**12)
        files = known.flush()
        known.settle()
    SeenMessages(tmp_path, files)
    (path,) = tmp_path.glob(name)
    content = path.read_bytes()
    for damaged in (b"", bytes(len(content)), content[:200] + bytes(len(content) - 200)):
        path.write_bytes(damaged)
        with pytest.raises(checkpoint.BadCheckpoint, match="--repair checkpoint"):
            SeenMessages(tmp_path, files)
    path.write_bytes(content[:-20] + bytes(20))
    with pytest.raises(checkpoint.BadCheckpoint):
        SeenMessages(tmp_path, files)
        message_ids.check_runs(tmp_path, files)


def test_message_ids_go_back_to_a_checkpoint(tmp_path: Any) -> None:
    day = 86_400_000 * 20_000
    known = SeenMessages(tmp_path)
    known.add(_digests(1), day)
    files = known.flush()
    known.settle()
    known.add(_digests(2), day)
    known.add(_digests(3), day + 86_400_000)
    known.flush()
    assert SeenMessages(tmp_path, files).known(_digests(1, 2, 3), day) == [True, False, False]


def test_a_message_id_counts_again_after_seven_days_and_not_when_a_clock_jumped(tmp_path: Any) -> None:
    day, first = 86_400_000, 86_400_000 * 20_000
    known = SeenMessages(tmp_path)
    known.add(_digests(1), first)
    known.flush()
    assert known.known(_digests(1), first + 7 * day) == [True]
    assert known.known(_digests(1), first + 9 * day) == [False]
    known.add(_digests(2), first + 400 * day)  # the clock jumps forward for an hour ...
    known.flush()
    known.settle()
    assert SeenMessages(tmp_path).known(_digests(1, 2), first + 1000) == [True, True]  # ... and comes back
    for later in range(401, 410):
        known.add(_digests(later % 256), first + later * day)
        known.flush()
        known.settle()
    assert SeenMessages(tmp_path).known(_digests(1), first) == [False]


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
