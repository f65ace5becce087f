"""Anything at the door, among good messages: it is never the server's fault, and the good ones are always taken."""

import asyncio
import base64
import json
import zlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from conftest import WRITE_KEY, cases
from trackway.collect import Collector, Privacy
from trackway.collect.pseudonym import DailySalt
from trackway.config import Settings
from trackway.enrich.columns import Coded
from trackway.enrich.orders import _new, fold, meaning
from trackway.enrich.pipeline import enrich
from trackway.enrich.session import NO_SESSION_VALUES
from trackway.event import Arrival, Violation, arrival_of
from trackway.storable import LARGEST_AMOUNT, is_time
from trackway.store.arrow_blocks import events as as_rows
from trackway.store.preparing import described
from trackway.store.reading import LogRange

PROJECT = b"p" * 16
GOOD = b'{"type":"page","anonymousId":"good","messageId":"good"}'
AUTHORIZATION = b"Basic " + base64.b64encode(f"{WRITE_KEY}:".encode())


class Kept:
    """A log, a book of keys and a plan in memory: what stands between the door and the disk is not what is tested."""

    def __init__(self) -> None:
        self.records: list[bytes] = []

    async def append(self, record: bytes, count: int) -> None:
        self.records.append(record)

    def project_of(self, write_key: str) -> bytes | None:
        return PROJECT if write_key == WRITE_KEY else None

    def check(self, project_id: bytes, message: Any) -> list[Violation]:
        return []


def ask(collector: Any, path: str, body: bytes, headers: Any = (), method: str = "POST", query: bytes = b"") -> Any:
    """Status and JSON of a request."""
    sent: list[Any] = []
    scope = {
        "method": method, "path": path, "query_string": query, "client": ("81.2.69.160", 1),
        "headers": [(b"authorization", AUTHORIZATION), *headers],
    }  # fmt: skip

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(collector(scope, receive, send))
    content = sent[1]["body"]
    return sent[0]["status"], json.loads(content) if content[:1] == b"{" else content


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> tuple[Collector, Kept]:
    kept = Kept()
    privacy = Privacy(True, Settings().private_parameters)
    directory: Path = tmp_path_factory.mktemp("door")
    return Collector(kept, kept, kept, privacy, DailySalt(directory)), kept  # type: ignore[arg-type]


def stored(kept: Kept) -> int:
    """What was logged goes through enrichment into blocks for the store; how many messages it was."""
    [record] = kept.records
    kept.records.clear()
    arrival = msgspec.msgpack.decode(record, type=Arrival)
    found = [enrich(message, arrival, b"k" * 16) for message in arrival.messages]
    for event in found:
        assert is_time(event.timestamp)
        if event.type == "track" and (said := meaning(event.name)) is not None:
            order = _new((PROJECT, said.kind, "1"))
            fold(order, event, said.change, msgspec.json.decode(event.properties))
            assert all(abs(one) <= LARGEST_AMOUNT for one in (order.amount, order.refunds, order.stated_refund))
            assert not order.stated_at or is_time(order.stated_at)
    read = arrival_of(record)
    items = [(message, read, number.to_bytes(16)) for number, message in enumerate(read.messages)]
    columns, taken, letters = described(LogRange(0, len(items), 0, 0, items, [], []), {}, set())
    assert letters == []
    assert len(taken) == len(found)
    if columns is not None:
        columns.groups["session"] = Coded([NO_SESSION_VALUES], np.zeros(len(columns), np.int32))
        as_rows(columns)
    return len(found)


NUMBERS = [
    "1e300",
    "1e400",
    "9e18",
    "18000000000000000000",
    "1" + "0" * 400,
    "-0",
    "1e-400",
    "NaN",
    "-Infinity",
    "9007199254740993.0",
]
TEXTS = st.text(max_size=20) | st.sampled_from(
    ["undefined", "1e1000000", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "http://[", "http://a?" + "a=1&" * 600 + "utm_source=x", "fe80::1%eth0"]
)  # fmt: skip
NAMES = st.sampled_from(
    "type event userId anonymousId messageId groupId previousId timestamp originalTimestamp sentAt context properties traits name "
    "category user_id action writeKey ip userAgent page url referrer search sessionId location screen width library revenue total "
    "currency order_id updated_at refunded entity_id entity_type a.b a..b".split()
) | st.text(max_size=5)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)
EVENTS = st.sampled_from(["Order Completed", "order_refunded", "Booking Updated", "Order Cancelled", "view", ""])
MESSAGES = st.builds(
    lambda kind, event, more: {"type": kind, "event": event, "anonymousId": "fuzz", **more},
    st.sampled_from(["track", "page", "identify", "alias", "group", "screen", "x"]), EVENTS, st.dictionaries(NAMES, VALUES, max_size=6),
)  # fmt: skip


def spelled(value: Any, numbers: list[str]) -> bytes:
    """JSON with some of its values replaced by numbers that no program would write."""
    text = json.dumps(value)
    for place, number in enumerate(numbers):
        text = text.replace(": null", f": {number}", 1) if place % 2 else text.replace(": true", f": {number}", 1)
    return text.encode()


RAW = st.one_of(
    st.builds(spelled, MESSAGES, st.lists(st.sampled_from(NUMBERS), max_size=3)),
    st.builds(lambda one: json.dumps(one, ensure_ascii=False).encode("utf-8", "surrogatepass"), MESSAGES),
    st.sampled_from([b"[" * 8000 + b"]" * 8000, b'{"a":' * 5000 + b"1" + b"}" * 5000, b'"\\ud800\\u0041"', b'{"userId":"\xff"}', b"nul", b""]),
)  # fmt: skip


@settings(max_examples=cases(80), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    RAW,
    st.sampled_from(
        [b"", b'"sentAt":1e300,', b'"sentAt":"2099-01-01",', b'"context":[],', b'"context":{"ip":"[::1]:5"},']
    ),
)
@example(b'{"type":"track","event":"E","userId":1%s}' % (b"0" * 400), b"")
@example(
    b'{"type":"track","event":"Order Completed","userId":"u","properties":{"order_id":"1","revenue":"1e1000000","updated_at":1e22}}',
    b"",
)
@example(b'{"type":"page","userId":"u","context":{"page":{"url":"http://a?%sutm_source=x"}}}' % (b"a=1&" * 600), b"")
@example(
    b'{"type":"alias","userId":"\\ud83d\\ud83d","previousId":"x","properties":{"":{"":1},"a.b":{"c":1},"a":{"b.c":2}}}',
    b"",
)
@example(b'{"type":"track","event":"\\\\ud83d\\ude00","userId":"u"}', b'"sentAt":NaN,')
def test_good_neighbours_are_taken_and_each_refusal_names_its_message(door: Any, raw: bytes, envelope: bytes) -> None:
    collector, kept = door
    status, answer = ask(collector, "/v1/batch", b'{%s"batch":[%s,%s,%s]}' % (envelope, GOOD, raw, GOOD))
    assert status == 202, answer
    taken = stored(kept)
    assert taken == answer["accepted"] >= 2
    refused = answer.get("rejected", [])
    assert all(one["index"] >= 1 and one["reason"] for one in refused)
    if raw:
        assert taken + len(refused) == 3


@settings(max_examples=cases(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["/v1/track", "/v1/batch", "/v1/b", "/v1/identify", "/v1/pixel.gif"]),
    st.binary(max_size=200) | RAW | VALUES.map(lambda value: json.dumps({"batch": value}).encode()),
    st.sampled_from([(), ((b"content-encoding", b"gzip"),), ((b"content-encoding", b"deflate"),)]),
    st.binary(max_size=60),
)
@example("/v1/batch", b'{"batch":[' + b'"' * 100_001, (), b"")
@example("/v1/batch", b"[]" * 500_000, (), b"")
@example("/v1/batch", b'{"batch":[' + b"[],{}," * 80_000 + b"NaN]}", (), b"")
@example(
    "/v1/pixel.gif",
    b"",
    (),
    b"writeKey=" + WRITE_KEY.encode() + b"&url=http://a?%26a&userId=undefined&" + b"x=1&" * 700,
)
def test_nothing_that_is_sent_is_a_fault_of_the_server(
    door: Any, path: str, body: bytes, headers: Any, query: bytes
) -> None:
    collector, kept = door
    if headers and len(body) % 2:
        body = zlib.compress(body)
    method = "GET" if path.endswith("gif") else "POST"
    status, answer = ask(collector, path, body, headers, method, query)
    assert status < 500
    if kept.records:
        stored(kept)
    elif status != 202:
        assert isinstance(answer, bytes) or answer["errors"]
