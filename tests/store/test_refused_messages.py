"""Messages that cannot be stored: each is found, becomes a dead letter, and its neighbours are stored."""

import math
import time
from contextlib import nullcontext
from typing import Any
from uuid import UUID

import msgspec
import pytest
from batches import (
    enriching_fails_on_some,  # noqa: F401
    letters,
    messages,
    unstorable,
)

from agreement import agree
from conftest import Loaded, also
from factories import message
from trackway.enrich import ordinary_messages
from trackway.event import Arrival, Location, now
from trackway.store import dead_letters, preparing
from trackway.store.quarantine import Refusals
from trackway.store.reading import LogRange
from trackway.store.refusals import QuestionFailed


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


@pytest.mark.parametrize("field", ["locale", "page"])
def test_a_message_whose_context_cannot_be_decoded_becomes_a_dead_letter_and_its_neighbours_are_stored(
    loaded: Loaded, project: UUID, field: str
) -> None:
    """Its record has the right checksum, so it is no damage of the disk; the context stays in it as it was written."""
    batch = [*messages(4), message("E", visitor="v", id="bad", context={field: {"path": "xyz"}}), *messages(3, "n")]
    arrival = Arrival(now(), project.bytes, "", Location(), "", "", False, None, batch)
    record = msgspec.msgpack.encode(arrival).replace(b"\xa3xyz", b"\xa3\xff\xfe\xfd")
    loaded.log.write([record], len(batch))
    loaded.loader.drain()
    agree(loaded, project, 7)
    assert letters(loaded, project) == ["bad"]
    [letter] = dead_letters.listed(loaded.store, project)
    assert "the context cannot be read" in letter.reason and '"messageId":"bad"' in letter.body
    written: list[Arrival] = []
    assert dead_letters.replay(loaded.store, [letter.key], written.append, loaded.loader.store_lock) == 1
    loaded.log.write([msgspec.msgpack.encode(one) for one in written], 1)
    loaded.loader.drain()
    agree(loaded, project, 7)
    assert letters(loaded, project) == ["bad"]


def test_a_record_that_is_no_text_is_a_gap_and_the_next_is_stored(loaded: Loaded, project: UUID) -> None:
    arrival = Arrival(now(), project.bytes, "", Location(), "", "", False, None, [message("xyz", visitor="v", id="x")])
    record = msgspec.msgpack.encode(arrival)
    loaded.log.write([record.replace(b"\xa3xyz", b"\xa3\xff\xfe\xfd")], 1)
    before = loaded.loader.lost
    loaded.load(project, messages(3))
    agree(loaded, project, 3)
    assert loaded.loader.lost == before + 1


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


@pytest.mark.parametrize("size", [also(1), 9, also(50)])
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
        patch.setattr(ordinary_messages, "LARGEST_AMOUNT", 5)
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


@pytest.mark.parametrize("code", ["SETTING_CONSTRAINT_VIOLATION", "UNKNOWN_SETTING", "READONLY", "TOO_MANY_PARTS"])
def test_no_message_is_blamed_for_a_setting_that_a_server_refuses(code: str) -> None:
    """A profile of the server may fix a setting that inserts state: every row would be refused, whatever it is."""
    refusals, one = Refusals(10), LogRange(0, 1, 0, 0, [], [], [])
    assert not any(refusals.record_failure(one, QuestionFailed("refused", code)) for _ in range(10))
    assert refusals.next(0) == (10, False) and not refusals.refused
    assert [refusals.record_failure(one, QuestionFailed("refused", "CANNOT_PARSE_TEXT")) for _ in range(3)][-1]
