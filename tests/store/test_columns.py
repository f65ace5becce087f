"""Preparing by columns gives the rows that preparing row by row gives: for any messages, in any order, in any batches."""

import random
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import also, cases
from memory_store import MemoryStore, table
from rowwise import RowIdentities, Rows
from trackway.enrich import sessionizer
from trackway.enrich.identity import Identities
from trackway.enrich.orders import Orders
from trackway.enrich.pipeline import message_key
from trackway.enrich.sessionizer import Sessionizer
from trackway.event import Arrival, Location, Message, arrival_of, uuid7
from trackway.store.batch import Prepared
from trackway.store.preparing import Derivers, prepare
from trackway.store.reading import Arrived, LogRange

START = 1_780_000_000_000
MINUTE = 60_000
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
STATED = str(UUID(bytes=uuid7(START, 7)))
PAGES = [
    {"url": "https://a.example/x?utm_source=n&utm_medium=email", "referrer": "https://www.google.com/", "title": "X"},
    {"url": "https://a.example/", "hash": "on"},
    {"path": "/only", "search": "?gclid=1"},
    {"url": 5, "referrer": ["x"], "title": None},
    "no page",
    None,
]
CONTEXTS: list[dict[str, Any] | None] = [
    None, {}, {"page": PAGES[0]}, {"page": PAGES[1], "userAgent": FIREFOX, "locale": "de-DE,de"},
    *({"page": page} for page in PAGES[2:]),
    {"ip": "10.1.0.0"}, {"ip": "", "userAgent": ""}, {"ip": None, "userAgent": None, "locale": None},
    {"location": None}, {"location": {"country": "fr", "region": "R", "city": "C"}},
    {"location": {"country": "FRA", "datacenter": True}, "ip": "10.2.0.0"}, {"location": "Paris", "ip": 5},
    {"screen": {"width": 390, "maxTouchPoints": 5}, "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"},
    {"screen": {"width": 412.5, "maxTouchPoints": 1.5}}, {"screen": {"width": "wide"}}, {"screen": None},
    {"userAgentData": {"mobile": True, "model": "Pixel 9", "platform": "Android"}}, {"userAgentData": "x"},
    {"library": {"name": "lib"}}, {"library": {"name": 7}}, {"library": "lib"}, {"groupId": "team"}, {"groupId": 5},
    {"userAgent": "Googlebot/2.1"}, {"userAgent": "curl/8"}, {"userAgent": 5}, {"locale": "x" * 2100},
]  # fmt: skip
PROPERTIES: list[dict[str, Any] | None] = [
    None, {}, {"entity_type": "concert", "entity_id": "c1"}, {"entity_type": 1, "entity_id": True},
    {"entity_type": True, "entity_id": 1}, {"entity_type": 1.0, "entity_id": ["c"]}, {"entity_id": "x" * 2100},
    {"revenue": 12.5, "currency": "eur", "order_id": "o1"}, {"total": "7", "order_id": "o1"}, {"total": 7},
    {"revenue": "9999999999999", "order_id": "o2"}, {"revenue": 10**13}, {"revenue": True}, {"order_id": "o2", "total": 3},
    {"a.b": 1, "a": {"b": 2}}, {"url": "https://b.example/p", "referrer": "https://t.co/", "title": "T"},
    {"url": 7, "title": True}, {"url": "", "title": "only"}, {"nested": {"x": [1, {"y": "é"}]}},
]  # fmt: skip
KINDS = [
    ("page", None), ("page", None), ("track", "Clicked"), ("track", "Clicked"), ("track", "impression"),
    ("screen", None), ("identify", None), ("group", None), ("track", "Order Completed"), ("track", "Order Refunded"),
    ("track", "Signed Out"), ("track", "session_end"), ("track", None), ("alias", None), ("track", "Session Ended"),
]  # fmt: skip
HINTS: list[Any] = [None] * 9 + ["s1", "s1", STATED, STATED, "s2", False, 0, 1, True, 2.5, "", "x" * 300]
FAR = [None] * 20 + [4_500_000_000_000, -5, 0, -(2**60), 2**62, 4_102_444_799_999]
USERS: list[Any] = ["", "", "", "ann", "bob", 7]
VISITORS: list[Any] = ["a", "a", "b", "c", "user:ann", None, 5]


class Dice:
    """Choices from one number, the first of each list when it is 0."""

    def __init__(self, number: int) -> None:
        self._random = random.Random(number) if number else None

    def one(self, values: list[Any], usual: int = 0) -> Any:
        """One of the values, and the first with `usual` more chances."""
        if self._random is None:
            return values[0]
        return values[max(0, self._random.randrange(len(values) + usual) - usual)]


def message(number: int, serial: int, ordinary: bool) -> Message:
    """A message of the kind that the number says; ordinary ones have what most traffic has."""
    dice = Dice(number)
    kind, event = dice.one(KINDS[:8] if ordinary else KINDS)
    at = START + dice.one(list(range(0, 400))) * MINUTE + dice.one([0, 1, 999])
    context = dice.one(CONTEXTS[1:4] if ordinary else CONTEXTS, 10)
    hint = None if ordinary else dice.one(HINTS)
    if hint is not None:
        context = {**(context or {}), "sessionId": hint}
    visitor, user = dice.one(VISITORS[:4] if ordinary else VISITORS), dice.one(USERS[:4] if ordinary else USERS)
    far = None if ordinary else dice.one(FAR)
    sent = dice.one([None, None, at + 50, at + 3_600_000])
    properties = dice.one(PROPERTIES[:4] if ordinary else PROPERTIES)
    return Message(
        type=kind, event=event, message_id=f"m{serial}" if ordinary else dice.one([f"m{serial}", serial], 20),
        anonymous_id=visitor, user_id=user or (None if visitor else "ann"), timestamp=at if far is None else far,
        original_timestamp=None if ordinary else dice.one([None, at, at - 5000], 5), sent_at=sent,
        name=dice.one([None, "Home"]), category=dice.one([None, "Cat"], 5), context=context,
        properties=None if kind in ("identify", "group") else properties,
        traits=properties if kind in ("identify", "group") else None,
        group_id=None if ordinary else dice.one([None, "team", 5], 5),
        previous_id=dice.one(["a", "b", "bob", "ann"]) if kind == "alias" else None,
    )  # fmt: skip


def arrival(number: int, messages: list[Message]) -> Arrival:
    dice = Dice(number)
    at = START + 400 * MINUTE + dice.one([0, 1_000_000, 5_000_000_000_000], 10)
    return Arrival(
        at, dice.one([b"p" * 16, b"q" * 16], 3), dice.one(["192.0.2.0", ""]),
        dice.one([Location("DE", "Bavaria", "Munich"), Location(), Location("US", "", "", True)]),
        dice.one([FIREFOX, "", "python-requests/2"]), dice.one(["de-DE,de;q=0.9", ""]), dice.one([True, False]),
        dice.one([None, at]), messages,
    )  # fmt: skip


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[bool, list[Arrival]]]:
    """Batches of requests, and whether the process starts again before each."""
    ordinary = draw(st.booleans())
    serial = 0
    batches = []
    for _ in range(draw(st.integers(1, 5))):
        requests = []
        for _ in range(draw(st.integers(1, 5))):
            numbers = draw(st.lists(st.integers(0, 2**32), min_size=1, max_size=5))
            plain = ordinary or draw(st.booleans())
            messages = [message(number, serial + place, plain) for place, number in enumerate(numbers)]
            serial += len(numbers)
            requests.append(arrival(draw(st.integers(0, 2**16)), messages))
        batches.append((draw(st.integers(0, 5)) == 5, requests))
    return batches


def log_range(first: int, requests: list[Arrival]) -> LogRange:
    """The range of a log in which these requests are."""
    read = [arrival_of(msgspec.msgpack.encode(one)) for one in requests]
    items: list[Arrived] = [
        (one, request, message_key(request.project_id, str(one.message_id)))
        for request in read
        for one in request.messages
    ]
    return LogRange(first, first + len(items), 0, requests[-1].received_at, items, [], [])


def rows(block: bytes) -> list[tuple[Any, ...]]:
    return list(zip(*(column.to_pylist() for column in table(block).itercolumns()), strict=True)) if block else []


def sessions_by_visitor(block: bytes) -> dict[Any, list[Any]]:
    """The rows of each visitor, in their order; visitors have none."""
    found: dict[Any, list[Any]] = {}
    for row in table(block).to_pylist() if block else []:
        found.setdefault((row["project_id"], row["visitor_id"]), []).append(row)
    return found


def in_memory(sessions: Sessionizer) -> dict[Any, list[Any]]:
    return {visitor: memory.sessions for visitor, memory in sessions._visitors.items() if memory.sessions}


def same(by_columns: Prepared, by_rows: Rows) -> None:
    assert (
        table(by_columns.events) == table(by_rows.blocks["events"])
        if by_columns.events
        else not by_rows.blocks["events"]
    )
    assert sessions_by_visitor(by_columns.sessions) == sessions_by_visitor(by_rows.blocks["sessions"])
    for name in ("claims", "aliases", "sign_outs", "identities", "orders", "dead_letters"):
        assert sorted(map(repr, rows(getattr(by_columns, name)))) == sorted(map(repr, rows(by_rows.blocks[name]))), name
    assert by_columns.message_keys() == by_rows.keys
    assert sorted(map(repr, by_columns.moved)) == sorted(map(repr, by_rows.moved))
    assert by_columns.separated == by_rows.separated


def compared(batches: list[tuple[bool, list[Arrival]]]) -> None:
    one, other = MemoryStore(), MemoryStore()
    columns = Derivers(Sessionizer(one, None, []), Identities(one), Orders(one))
    single = Derivers(Sessionizer(other, None, []), RowIdentities(other), Orders(other))
    first = 0
    for starts_again, requests in batches:
        if starts_again:
            columns = Derivers(Sessionizer(one, *one.recent()), Identities(one), Orders(one))
            single = Derivers(Sessionizer(other, *other.recent()), RowIdentities(other), Orders(other))
        prepared = prepare(log_range(first, requests), columns, {}, set())
        expected = Rows(log_range(first, requests), single)
        same(prepared, expected)
        assert in_memory(columns.sessions) == in_memory(single.sessions)
        one.apply(prepared)
        other.apply(prepared)
        first = prepared.last


@settings(max_examples=cases(300), deadline=None)
@given(histories(), st.booleans())
def test_columns_and_rows_agree(batches: list[tuple[bool, list[Arrival]]], forgets: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sessionizer, "KEEP", 0 if forgets else sessionizer.KEEP)
        compared(batches)


@pytest.mark.thorough
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", [also(number) for number in range(4)])
def test_columns_and_rows_agree_on_ten_thousand_histories(part: int) -> None:
    @settings(max_examples=2_500, deadline=None)
    @given(histories())
    def agree(batches: list[tuple[bool, list[Arrival]]]) -> None:
        compared(batches)

    agree()
