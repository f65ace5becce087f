"""The loader: what is in the log is in the store exactly once, whatever happens on the way."""

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
from conftest import Loaded
from factories import message
from trackway.event import Arrival, Location, Message, Rejection, now
from trackway.store import checkpoint
from trackway.store.refusals import QuestionFailed


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
            loaded.store.everywhere("ALTER TABLE visitors MODIFY SETTING non_replicated_deduplication_window = 1000")
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
