"""Sessions: the rule of docs/explanation/counting.md, and that no order of arrival, batching or forgetting changes the answer."""

import copy
import itertools
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import cases
from trackway.enrich import sessionizer as module
from trackway.enrich.identity import user_token, visitor_token
from trackway.enrich.session import GAP, Session, family, is_member_id, traffic_of
from trackway.enrich.sessionizer import Sessionizer
from trackway.enrich.visitor_sessions import Outcome, Row
from trackway.event import Event, uuid7

PROJECT = b"p" * 16
START = 1_780_000_000_000
MINUTE = 60_000
_EMPTY: dict[str, Any] = {
    field: "" for field in Event.__struct_fields__ if field not in ("revenue", "properties", "session_id")
}


def event(minute: float, name: str = "page", user: str = "", visitor: str = "v", **fields: Any) -> Event:
    at = START + int(minute * MINUTE)
    values = _EMPTY | {
        "project_id": PROJECT, "event_id": uuid7(at, hash((visitor, at, name)) & (1 << 74) - 1), "message_id": str(at),
        "type": "page" if name == "page" else "track", "name": name, "timestamp": at, "received_at": at,
        "visitor_id": visitor, "user_id": user, "session_id": b"", "path": f"/{minute}", "channel": "Direct",
        "source": "(direct)", "medium": "(none)", "screen_width": 0, "revenue": Decimal(0), "properties": b"{}",
        "identity": user_token(PROJECT, user) if user else visitor_token(PROJECT, visitor),
    }  # fmt: skip
    return Event(**(values | fields))


class Memory:
    """A store in memory that applies what the sessionizer says, as the engine does."""

    def __init__(self) -> None:
        self.events: dict[bytes, Event] = {}
        self.rows: list[Row] = []

    def apply(self, batch: list[Event], outcome: Outcome) -> None:
        for moved in outcome.moved:
            assert moved.event_id in self.events
            self.events[moved.event_id] = copy.copy(moved)
        self.events |= {one.event_id: copy.copy(one) for one in batch}
        self.rows += [copy.deepcopy(row) for row in outcome.rows]

    def current(self) -> list[Session]:
        newest: dict[tuple[bytes, int, str], Row] = {}
        for row in self.rows:
            key = (row.session.session_id, row.session.started_at, row.session.visitor_id)
            if key not in newest or row.session.version >= newest[key].session.version:
                newest[key] = row
        alive = [row.session for row in newest.values() if not row.gone]
        assert len({one.session_id for one in alive}) == len(alive), "two states of one session are alive"
        counted: dict[tuple[str, str], int] = {}
        for row in self.rows:
            events = -row.session.events if row.gone else row.session.events - (row.before.events if row.before else 0)
            key2 = (row.session.channel, row.session.source)
            counted[key2] = counted.get(key2, 0) + events
        by_source: dict[tuple[str, str], int] = {}
        for one in alive:
            by_source[one.channel, one.source] = by_source.get((one.channel, one.source), 0) + one.events
        assert {key: total for key, total in counted.items() if total} == by_source
        return alive

    def sessions_of(self, visitors: list[module.Visitor], since: int, until: int) -> list[Session]:
        return [
            copy.copy(one) for one in self.current()
            if (one.project_id, one.visitor_id) in visitors and since <= one.started_at <= until
        ]  # fmt: skip

    def events_of(self, sessions: list[Session]) -> list[Event]:
        wanted = {(one.visitor_id, one.session_id) for one in sessions}
        return [copy.copy(one) for one in self.events.values() if (one.visitor_id, one.session_id) in wanted]


def run(*batches: list[Event], hints: dict[bytes, str] | None = None) -> Memory:
    store = Memory()
    sessions = Sessionizer(store, None, [])
    for version, batch in enumerate(batches, 1):
        batch = [copy.copy(one) for one in batch]
        store.apply(batch, sessions.assign([(one, (hints or {}).get(one.event_id, "")) for one in batch], version))
    return store


def shape(store: Memory) -> list[tuple[float, float, int]]:
    """(start, end, events) of every session in minutes; and a check that rows and events agree."""
    by_session: dict[bytes, list[Event]] = {}
    for one in store.events.values():
        by_session.setdefault(one.session_id, []).append(one)
    current = store.current()
    assert {one.session_id for one in current} == set(by_session)
    for one in current:
        events = by_session[one.session_id]
        assert one.events == len(events)
        assert (one.started_at, one.ended_at) == (
            min(e.timestamp for e in events),
            max(e.timestamp for e in events),
        )
        assert {traffic_of(e) for e in events} == {one.traffic}
    return sorted(
        ((s.started_at - START) / MINUTE, (s.ended_at - START) / MINUTE, s.events) for s in current
    )  # fmt: skip


def test_thirty_minutes_without_an_event_end_a_session_and_a_second_less_does_not() -> None:
    assert shape(run([event(0), event(29.99), event(59.99)])) == [(0, 29.99, 2), (59.99, 59.99, 1)]


def test_signing_in_does_not_split_and_another_user_does() -> None:
    events = [event(0), event(1, user="ann"), event(2), event(3, user="bob"), event(4)]
    assert shape(run(events)) == [(0, 2, 3), (3, 4, 2)]


def test_sign_out_and_an_explicit_end_belong_to_the_session_they_end() -> None:
    events = [event(0), event(1, "Signed Out"), event(2), event(3, "session_end"), event(4)]
    assert shape(run(events)) == [(0, 1, 2), (2, 3, 2), (4, 4, 1)]


def test_midnight_and_a_new_campaign_do_not_split_and_the_first_source_stays() -> None:
    events = [event(0, source="google", channel="Organic Search"), event(1, source="news", channel="Email")]
    store = run(events)
    assert shape(store) == [(0, 1, 2)]
    assert store.current()[0].channel == "Organic Search"


def test_a_late_event_that_bridges_two_sessions_makes_them_one() -> None:
    assert shape(run([event(0)], [event(40)], [event(20)])) == [(0, 40, 3)]


def test_a_late_sign_out_splits_a_session_that_is_already_stored() -> None:
    assert shape(run([event(0), event(2), event(4)], [event(3, "Signed Out")])) == [(0, 3, 3), (4, 4, 1)]


def test_a_late_first_event_gives_the_session_its_source() -> None:
    early = event(0, referrer="https://www.google.com/", channel="Organic Search", source="google", medium="organic")
    store = run([event(5)], [early])
    assert shape(store) == [(0, 5, 2)]
    assert store.current()[0].source == "google"


def test_entry_and_exit_pages_are_the_first_and_last_page_views_whatever_the_order() -> None:
    store = run([event(5), event(6, "Clicked")], [event(9)], [event(1)])
    (session,) = store.current()
    assert (session.entry_path, session.exit_path, session.page_views, session.events) == ("/1", "/9", 3, 4)


def test_the_clients_session_id_decides_when_it_is_sent() -> None:
    one, two = str(UUID(bytes=uuid7(START))), "any text"
    events = [event(0), event(45), event(46), event(50)]
    hints = dict(zip((e.event_id for e in events), (one, one, two, one), strict=True))
    store = run(events[:2], events[2:], hints=hints)
    assert shape(store) == [(0, 50, 3), (46, 46, 1)]
    assert UUID(one).bytes in {s.session_id for s in store.current()}


def test_what_happens_by_itself_leaves_a_visit_a_bounce() -> None:
    store = run([event(0), event(0.1, "impression"), event(0.2, "web_vital"), event(1, "engagement")])
    assert [(s.events, s.acts) for s in store.current()] == [(4, 1)]
    store = run([event(0), event(0.5, "impression")], [event(0.2, "click")])
    assert [(s.events, s.acts) for s in store.current()] == [(3, 2)]


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 0, 1), (1, 0, 2), (1, 2, 0)])
def test_a_session_that_its_client_ended_and_went_on_with_is_not_ended(order: tuple[int, int, int]) -> None:
    """The last tab says goodbye when it closes; a tab that comes back (bfcache, reload) goes on with the same id."""
    one = str(UUID(bytes=uuid7(START)))
    events = [event(0), event(1, "Session Ended"), event(2)]
    hints = {e.event_id: one for e in events}
    store = run(*([events[n]] for n in order), hints=hints)
    assert [(s.events, s.closed) for s in store.current()] == [(3, False)]
    store = run(*([events[n]] for n in order if n != 2), hints=hints)
    assert [(s.events, s.closed) for s in store.current()] == [(2, True)]


def test_two_visitors_never_share_a_session() -> None:
    assert shape(run([event(0, visitor="a"), event(0, visitor="b")])) == [(0, 0, 1), (0, 0, 1)]


STATED = {visitor: str(UUID(bytes=uuid7(START, ord(visitor)))) for visitor in "abv"}


@pytest.mark.parametrize("hint", ["s1", STATED["v"]])
@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_two_users_of_one_client_session_are_two_sessions_in_any_order(order: tuple[int, ...], hint: str) -> None:
    events = [event(0, user="ann"), event(1), event(2, user="bob"), event(90, user="ann")]
    store = run(*([events[n]] for n in order), hints={e.event_id: hint for e in events})
    assert shape(store) == [(0, 1, 2), (2, 2, 1), (90, 90, 1)]
    assert sorted(s.user_id for s in store.current()) == ["ann", "ann", "bob"]
    assert len({family(s.session_id) for s in store.current()}) == 1
    assert sum(is_member_id(s.session_id) for s in store.current()) == (2 if hint == STATED["v"] else 3)


def expected(events: list[Event], hints: dict[bytes, str]) -> set[frozenset[bytes]]:
    """The rule once more, said differently: the sets of events that make up sessions."""
    found: list[frozenset[bytes]] = []
    for visitor in {e.visitor_id for e in events}:
        own = sorted((e for e in events if e.visitor_id == visitor), key=lambda e: e.timestamp)
        for hint in {hints[e.event_id] for e in own}:
            alike = [e for e in own if hints[e.event_id] == hint]
            starts = []
            user = ""
            for position, e in enumerate(alike):
                previous = alike[position - 1] if position else None
                if (
                    previous is None
                    or (user and e.user_id and e.user_id != user)
                    or (not hint and (e.timestamp - previous.timestamp >= GAP or previous.name == "Signed Out"))
                ):
                    starts.append(position)
                    user = ""
                user = e.user_id or user
            for start, end in itertools.pairwise([*starts, len(alike)]):
                found.append(frozenset(e.event_id for e in alike[start:end]))
    return set(found)


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[list[Event]], dict[bytes, str]]:
    minutes = draw(st.lists(st.integers(0, 300), min_size=1, max_size=25, unique=True))
    events = [
        event(
            minute,
            name=draw(st.sampled_from(["page", "page", "Clicked", "Signed Out"])),
            user=draw(st.sampled_from(["", "", "ann", "bob"])),
            visitor=draw(st.sampled_from("ab")),
            **draw(st.sampled_from([{}, {"query": "utm_source=n&utm_medium=email", "channel": "Email", "source": "n",
                                         "medium": "email"}])),
        )
        for minute in minutes
    ]  # fmt: skip
    hints = {e.event_id: draw(st.sampled_from(["", "", "", "s1", "s2", STATED[e.visitor_id]])) for e in events}
    order = draw(st.permutations(events))
    batches: list[list[Event]] = [[]]
    for e in order:
        if draw(st.booleans()):
            batches.append([])
        batches[-1].append(e)
    return [batch for batch in batches if batch], hints


@settings(max_examples=cases(100), deadline=None)
@given(arrivals(), st.booleans())
def test_no_order_of_arrival_and_no_forgetting_changes_the_sessions(
    case: tuple[list[list[Event]], dict[bytes, str]], forgets: bool
) -> None:
    batches, hints = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "KEEP", 0 if forgets else module.KEEP)
        store = Memory()
        sessions = Sessionizer(store, None, [])
        for version, batch in enumerate(batches, 1):
            batch = [copy.copy(one) for one in batch]
            if forgets:
                sessions._sweep_at = 0
            store.apply(batch, sessions.assign([(one, hints[one.event_id]) for one in batch], version))
    shape(store)
    grouped: dict[tuple[str, bytes], set[bytes]] = {}
    for one in store.events.values():
        grouped.setdefault((one.visitor_id, one.session_id), set()).add(one.event_id)
    every = [one for batch in batches for one in batch]
    assert {frozenset(ids) for ids in grouped.values()} == expected(every, hints)


def test_a_session_that_its_client_named_and_that_starts_earlier_than_thought_hides_no_other() -> None:
    one, two = event(58), event(148, user="ann")
    late = [event(41, user="ann", channel="Email"), event(11), event(19, user="bob", channel="Email")]
    hints = {two.event_id: "s", late[1].event_id: "s"}
    assert shape(run([one], [two], late, hints=hints)) == [(11, 148, 2), (19, 19, 1), (41, 58, 2)]


def test_sessions_between_a_late_event_and_what_is_in_memory_are_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEEP", 0)
    store = Memory()
    sessions = Sessionizer(store, None, [])
    events = [event(130, user="bob"), event(138, "Signed Out", "ann"), event(152), event(105, user="ann")]
    for version, one in enumerate(events, 1):
        sessions._sweep_at = 0
        store.apply([one], sessions.assign([(one, "")], version))
    assert shape(store) == [(105, 105, 1), (130, 130, 1), (138, 138, 1), (152, 152, 1)]


def test_a_session_that_is_split_again_takes_no_name_that_an_event_gave_before() -> None:
    store = Memory()
    sessions = Sessionizer(store, None, [])
    late = [
        event(25),
        event(5, user="bob", channel="Email"),
        event(6, "Signed Out", "bob"),
        event(7, "Signed Out", "bob"),
    ]
    for version, one in enumerate(late, 1):
        store.apply([one], sessions.assign([(one, "")], version))
    assert sorted(one.events for one in store.current()) == [1, 1, 2]
