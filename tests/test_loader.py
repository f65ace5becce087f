"""The loader: what is in the log is in the store exactly once, whatever happens on the way."""

import json
from typing import Any
from uuid import UUID

import msgspec
import pytest
import xxhash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import Loaded
from trackway.event import Arrival, Location, Message, Rejection, now
from trackway.store import loader as module
from trackway.store.refusals import QuestionFailed
from trackway.store.seen import SeenMessages

TOTALS = """
SELECT
    (SELECT count() FROM events WHERE project_id = {p:UUID}) AS events,
    (SELECT uniqExact(message_id) FROM events WHERE project_id = {p:UUID}) AS messages,
    (SELECT sum(events) FROM sessions FINAL WHERE project_id = {p:UUID}) AS in_sessions,
    (SELECT count() FROM sessions FINAL WHERE project_id = {p:UUID}) AS sessions,
    (SELECT sum(events) FROM event_counts WHERE project_id = {p:UUID}) AS counted,
    (SELECT sum(sessions) FROM source_counts WHERE project_id = {p:UUID}) AS sourced,
    (SELECT sum(events) FROM source_counts WHERE project_id = {p:UUID}) AS sourced_events,
    (SELECT sum(sessions) FROM visitors FINAL WHERE project_id = {p:UUID}) AS of_visitors,
    (SELECT sum(events) FROM visitors FINAL WHERE project_id = {p:UUID}) AS visitors_events
"""


def agree(loaded: Loaded, project: UUID, events: int) -> None:
    """Every table tells the same number."""
    (row,) = loaded.rows(project, TOTALS)
    assert {
        row[name] for name in ("events", "messages", "in_sessions", "counted", "sourced_events", "visitors_events")
    } == {events}, row
    assert row["sessions"] == row["sourced"] == row["of_visitors"], row


def messages(count: int, prefix: str = "m", visitors: int = 5) -> list[Message]:
    return [
        Message(
            type="page" if number % 2 else "track",
            event=None if number % 2 else "Clicked",
            message_id=f"{prefix}{number}",
            anonymous_id=f"visitor-{number % visitors}",
            timestamp=1_790_000_000_000 + number * 1000,
            context={"page": {"url": f"https://a.example/{number % 7}"}},
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
    restarted = loaded.new_loader()
    loaded.append(project, batch)
    restarted.drain()
    loaded.loader = loaded.new_loader()
    agree(loaded, project, 23)


def test_the_same_message_id_in_another_project_is_another_message(loaded: Loaded, project: UUID) -> None:
    other = UUID(int=project.int ^ 1)
    loaded.load(project, messages(3))
    loaded.load(other, messages(3))
    agree(loaded, project, 3)
    agree(loaded, other, 3)


@pytest.mark.parametrize("point", ["before events", "after events", "after sessions", "before checkpoint"])
def test_a_crash_at_any_point_of_a_batch_changes_nothing(
    loaded: Loaded, project: UUID, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process 'dies' (an exception that nothing catches) at a point; a new loader goes on from the disk alone."""
    loaded.load(project, messages(10, "first"))

    class Died(BaseException):
        pass

    insert, write = loaded.store.insert, module._write_durably

    def dying_insert(table: str, *rest: Any) -> None:
        if point == "before events":
            raise Died
        insert(table, *rest)
        if point == f"after {table}":
            raise Died

    def dying_write(path: Any, data: bytes) -> None:
        if point == "before checkpoint" and path.name == "stored":
            raise Died
        write(path, data)

    loaded.append(project, messages(30, "second"))
    with monkeypatch.context() as patch:
        patch.setattr(loaded.store, "insert", dying_insert)
        patch.setattr(module, "_write_durably", dying_write)
        with pytest.raises(Died):
            loaded.loader.drain()
    loaded.loader = loaded.new_loader()
    loaded.load(project, messages(5, "third") + messages(30, "second"))
    agree(loaded, project, 45)


def test_the_engine_away_for_a_while_delays_and_loses_nothing(
    loaded: Loaded, project: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert, refusals = loaded.store.insert, iter([True, True, False])

    def away(*arguments: Any) -> None:
        if next(refusals, False):
            raise QuestionFailed("not now")
        insert(*arguments)

    monkeypatch.setattr(loaded.store, "insert", away)
    loaded.load(project, messages(8))
    assert loaded.loader.trouble == ""
    agree(loaded, project, 8)


def test_a_late_event_moves_stored_events_into_its_session(loaded: Loaded, project: UUID) -> None:
    def page(minute: int) -> Message:
        at = 1_790_000_000_000 + minute * 60_000
        return Message(type="page", message_id=str(minute), anonymous_id="v", timestamp=at)

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
    loaded.load(project, [Message(type="page", message_id="1", anonymous_id="v", timestamp=recent)])
    loaded.loader = loaded.new_loader()
    loaded.load(project, [Message(type="page", message_id="2", anonymous_id="v", timestamp=recent + 1000)])
    (row,) = loaded.rows(project, "SELECT events, page_views FROM sessions FINAL WHERE project_id = {p:UUID}")
    assert row == {"events": 2, "page_views": 2}


def test_rejections_are_kept_with_field_and_reason(loaded: Loaded, project: UUID) -> None:
    rejection = Rejection(0, "event", "missing", "m1", '{"type":"track"}')
    arrival = Arrival(now(), project.bytes, "", Location(), "", "", False, None, [], [rejection])
    loaded.log.write([msgspec.msgpack.encode(arrival)], 1)
    loaded.loader.drain()
    rows = loaded.rows(project, "SELECT field, reason, message_id, body FROM rejections WHERE project_id = {p:UUID}")
    assert rows == [{"field": "event", "reason": "missing", "message_id": "m1", "body": '{"type":"track"}'}]


keys = st.text(max_size=12) | st.sampled_from(["a", "b", "a.b", "a.b.c", "b.a", ".", "..", "a.", ".a", ""])
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
        Message(
            type="track",
            event="E",
            message_id=str(number),
            anonymous_id="v",
            timestamp=1_790_000_000_000,
            properties=one,
        )
        for number, one in enumerate(properties)
    ]
    loaded.load(project, batch)
    assert loaded.rows(project, "SELECT count() AS n FROM events WHERE project_id = {p:UUID}") == [{"n": len(batch)}]


def test_paths_that_clash_keep_the_first_and_lose_no_event(loaded: Loaded, project: UUID) -> None:
    one = Message(
        type="track", event="E", message_id="1", anonymous_id="v", properties={"a.b": 1, "a": {"b": 2, "c": 3}}
    )
    loaded.load(project, [one])
    (row,) = loaded.rows(project, "SELECT toJSONString(properties) AS p FROM events WHERE project_id = {p:UUID}")
    assert json.loads(row["p"]) == {"a": {"b": 1, "c": 3}}


def test_properties_that_the_engine_refuses_are_kept_as_text_and_stop_nothing(
    loaded: Loaded, project: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trackway.enrich import pipeline

    monkeypatch.setattr(pipeline, "_flat", lambda value: value)
    clashing = Message(type="track", event="E", message_id="1", anonymous_id="v", properties={"a.b": 1, "a": {"b": 2}})
    loaded.load(project, [clashing, *messages(3)])
    agree(loaded, project, 4)
    (row,) = loaded.rows(
        project, "SELECT properties.unparsed::String AS p FROM events WHERE project_id = {p:UUID} AND name = 'E'"
    )
    assert json.loads(row["p"]) == {"a.b": 1, "a": {"b": 2}}


def test_seen_messages_survive_a_restart_spills_and_merges(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from trackway.store import seen

    monkeypatch.setattr(seen, "RUN_LENGTH", 10)
    monkeypatch.setattr(seen, "MOST_RUNS", 3)
    known = SeenMessages(tmp_path)
    digests = [xxhash.xxh3_128_digest(str(number).encode()) for number in range(0, 400, 2)]
    day = 86_400_000 * 20_000
    for start in range(0, 200, 7):
        known.add(digests[start : start + 7], day)
    for reader in (known, SeenMessages(tmp_path)):
        asked = [xxhash.xxh3_128_digest(str(number).encode()) for number in range(400)]
        assert reader.known(asked) == [number % 2 == 0 for number in range(400)]
    known.add([b"\xff" * 16], day + 9 * 86_400_000)
    assert SeenMessages(tmp_path).known([*digests[:3], b"\xff" * 16]) == [False, False, False, True]
    assert len(list(tmp_path.iterdir())) == 1
