"""What is wrong with one message costs that message only; ids are exact or refused; what is accepted can be stored."""

import asyncio
import json
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import WRITE_KEY
from trackway.collect import address
from trackway.collect.address import Addresses, plain
from trackway.collect.dialects import files
from trackway.collect.native import Request, decode
from trackway.collect.numbers import check_numbers
from trackway.collect.privacy import Privacy
from trackway.config import BadSettings, Settings, load
from trackway.enrich.channel import traffic
from trackway.enrich.money import amount_of
from trackway.enrich.orders import _new, fold
from trackway.event import Event
from trackway.storable import COLUMNS, LARGEST_AMOUNT, NEWEST, OLDEST

NOW = 1_790_000_000_000
PRIVACY = Privacy(True, Settings().private_parameters)
GOOD = b'{"type":"track","event":"Good","anonymousId":"a","messageId":"good-%d"}'


def batch(*messages: bytes, envelope: bytes = b"") -> Request:
    return decode("batch", b'{%s"batch":[%s]}' % (envelope, b",".join(messages)), PRIVACY, NOW)


def track(more: bytes) -> bytes:
    return b'{"type":"track","event":"E","messageId":"bad",%s}' % more


BAD = {
    "a user id of 400 digits": (track(b'"userId":1' + b"0" * 400), "userId"),
    "a user id of 5000 digits": (track(b'"userId":1' + b"0" * 5000), "userId"),
    "a sentAt of 1e300": (track(b'"anonymousId":"a","sentAt":1e300'), "sentAt"),
    "a sentAt of 9e18": (track(b'"anonymousId":"a","sentAt":9e18'), "sentAt"),
    "a sentAt of 18000000000000000000": (track(b'"anonymousId":"a","sentAt":18000000000000000000'), "sentAt"),
    "a time before 2000 once corrected": (
        track(b'"anonymousId":"a","sentAt":"2099-01-01T00:00:00Z","timestamp":"2001-01-01T00:00:00Z"'), "sentAt",
    ),
    "a deep array": (track(b'"anonymousId":"a","properties":{"deep":' + b"[" * 8000 + b"]" * 8000 + b"}"), "properties.deep"),
    "not a number": (track(b'"anonymousId":"a","properties":{"n":NaN}'), "properties.n"),
    "infinity": (track(b'"anonymousId":"a","properties":{"n":-Infinity}'), "properties.n"),
    "a number past doubles": (track(b'"anonymousId":"a","properties":{"n":1e400}'), "properties.n"),
    "no UTF-8": (track(b'"anonymousId":"a","properties":{"t":"\xff"}'), "properties.t"),
    "an escape that is none": (track(b'"anonymousId":"\\x"'), "anonymousId"),
    "a rounded user id": (track(b'"userId":9007199254740993.0'), "userId"),
    "a rounded group id": (b'{"type":"group","userId":"u","groupId":1e20,"messageId":"bad"}', "groupId"),
    "a rounded order id": (track(b'"userId":"u","properties":{"order_id":1e20}'), "properties.order_id"),
    "an order id that would be cut": (track(b'"userId":"u","properties":{"order_id":"%s"}' % (b"x" * 256)), "properties.order_id"),
    "an alias of nobody": (b'{"type":"alias","userId":"u","previousId":"Undefined","messageId":"bad"}', "previousId"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_a_bad_message_is_refused_by_its_field_and_its_neighbours_are_taken(what: str) -> None:
    bad, field = BAD[what]
    request = batch(GOOD % 0, bad, GOOD % 2)
    assert [message.message_id for message in request.messages] == ["good-0", "good-2"]
    [rejection] = request.rejections
    assert (rejection.index, rejection.field, rejection.message_id) == (1, field, "bad"), rejection.reason


def test_half_of_a_surrogate_pair_behind_an_escaped_backslash_costs_a_character() -> None:
    request = batch(track(rb'"anonymousId":"\\ud83d\ude00","name":"\\ud83d"'), GOOD % 1)
    assert [message.anonymous_id for message in request.messages] == ["\\ud83d\ufffd", "a"]
    assert request.messages[0].name == "\\ud83d"


@pytest.mark.parametrize("sent_at", [b"1e300", b"1e400", b"NaN", b"9e18", b'"soon"', b"{}", b"1" + b"0" * 5000])
def test_a_wrong_envelope_costs_the_envelope(sent_at: bytes) -> None:
    request = batch(GOOD % 0, GOOD % 1, envelope=b'"sentAt":%s,"context":7,"writeKey":5,' % sent_at)
    assert len(request.messages) == 2
    assert request.sent_at is None
    assert [(note.index, note.field) for note in request.notes] == [(-1, "sentAt"), (-1, "context")]


def test_a_number_in_a_batchs_context_that_cannot_be_kept_costs_the_context_and_no_message() -> None:
    request = batch(GOOD % 0, GOOD % 1, envelope=b'"context":{"a":[1%s]},' % (b"0" * 30))
    assert (len(request.messages), request.rejections) == (2, [])
    assert [note.field for note in request.notes] == ["context"]


@pytest.mark.parametrize(
    "body", [b"", b"[", b'{"batch":[', b'{"batch":[{"a":"}]}', b'{"batch":5}', b"null", b'{"a":1}}']
)
def test_what_cannot_be_taken_apart_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(Exception, match=r"JSON|batch|body"):
        decode("batch", body, PRIVACY, NOW)


def test_a_context_that_is_shared_counts_for_the_size_of_each_message() -> None:
    request = batch(GOOD % 0, envelope=b'"context":{"text":"%s"},' % (b"x" * 32_700))
    assert "with the batch's context" in request.rejections[0].reason


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (b"9007199254740993", "9007199254740993"), (b"18446744073709551617", "18446744073709551617"), (b"42.0", "42"),
        (b'"007"', "007"), (b"-17", "-17"), (b'"1.10"', "1.10"),
    ],
)  # fmt: skip
def test_ids_are_kept_as_they_are_written(written: bytes, kept: str) -> None:
    ids = b'"userId":%s,"anonymousId":%s' % (written, written)
    [message] = batch(track(ids)).messages
    assert (message.user_id, message.anonymous_id) == (kept, kept)


@pytest.mark.parametrize(
    "name", ["undefined", "NULL", "[object Object]", "NaN", "0", "-1", "Anonymous", " guest ", " "]
)
def test_placeholders_name_nobody(name: str) -> None:
    written = json.dumps(name).encode()
    request = batch(track(b'"userId":%s,"anonymousId":"a"' % written))
    assert [message.user_id for message in request.messages] == [None]
    assert [note.field for note in request.notes] == ["userId"]
    alone = b'{"batch":[%s]}' % track(b'"anonymousId":%s' % written)
    assert decode("batch", alone, PRIVACY, NOW).rejections[0].field == "anonymousId"
    [taken] = decode("batch", alone, PRIVACY, NOW, lambda _: "d-1").messages
    assert taken.anonymous_id == "d-1"


NUMBERS: list[tuple[bytes, str]] = [
    (b'"revenue":"12,50"', "revenue"), (b'"revenue":"abc"', "revenue"), (b'"revenue":""', "revenue"),
    (b'"revenue":true', "revenue"), (b'"revenue":[5]', "revenue"), (b'"revenue":1e300', "revenue"),
    (b'"revenue":"NaN"', "revenue"), (b'"order_id":"o","total":"12 EUR"', "total"),
    (b'"bookingId":"b","refunded":"all"', "refunded"), (b'"price":"9,99"', "price"), (b'"quantity":"two"', "quantity"),
    (b'"value":"12,50"', "value"), (b'"value":"abc","currency":"EUR"', "value"), (b'"rating":"good"', "rating"),
    (b'"duration_s":"1m"', "duration_s"), (b'"visible_s":{}', "visible_s"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "name"), NUMBERS)
def test_a_number_that_cannot_be_read_is_stored_and_noted(written: bytes, name: str) -> None:
    request = batch(GOOD % 0, track(b'"userId":"u","properties":{%s}' % written))
    assert len(request.messages) == 2 and not request.rejections
    assert request.messages[1].properties == json.loads(b"{%s}" % written), "it is stored as it was sent"
    [note] = request.notes
    assert (note.index, note.field, note.message_id) == (1, f"properties.{name}", "bad")
    assert "send digits with a point, such as 12.5" in note.reason


@pytest.mark.parametrize(
    "written",
    [
        b'"revenue":12.5', b'"revenue":"12.50"', b'"revenue":" 12.50 "', b'"revenue":null', b'"revenue":1e-300',
        b'"total":"everything"', b'"value":"dark"', b'"value":{"a":1}', b'"price":"1e3","quantity":3', b'"revenue":-5',
    ],
)  # fmt: skip
def test_numbers_that_are_read_and_words_that_are_none_are_not_noted(written: bytes) -> None:
    assert batch(track(b'"userId":"u","properties":{%s}' % written)).notes == []


@given(
    st.one_of(st.floats(), st.text(max_size=8), st.integers(), st.booleans(), st.text("0123456789.,eE+- ", max_size=8))
)
def test_revenue_is_noted_where_and_only_where_the_store_reads_none(value: Any) -> None:
    noted = bool(check_numbers({"revenue": value}))
    assert noted == (amount_of({"revenue": value}) is None)


def test_a_placeholder_as_order_id_or_message_id_makes_no_two_one() -> None:
    body = b'{"type":"track","event":"Order Completed","userId":"u","messageId":"undefined","properties":{"order_id":"null"}}'
    first, second = batch(body, body).messages
    assert first.message_id != second.message_id
    assert first.properties == {"order_id": None}


def test_bounds_are_those_of_the_schema() -> None:
    assert COLUMNS["events", "screen_width"] == (0, 65535)
    assert (OLDEST, NEWEST) == (946_684_800_000, 4_102_444_799_999)
    assert Decimal("99999999999999.9999") == LARGEST_AMOUNT


@pytest.mark.parametrize("given", ["1e1000000", "-1e1000000", "1e-1000000", 1e300, "9" * 5000, "NaN", "1e22", True, []])
def test_amounts_that_do_not_fit_count_as_none(given: Any) -> None:
    assert not amount_of({"revenue": given})


def test_what_an_order_says_always_fits() -> None:
    zero = b"\0" * 16
    event = Event(zero, zero, "m", "track", "n", NOW, NOW, "v", "v", "", "", *["x"] * 34)  # type: ignore[arg-type]
    order = _new((zero, "order", "1"))
    for _ in range(20):
        fold(order, event, "refunded", {"revenue": 9_999_999_999_999})
    assert order.refunds == LARGEST_AMOUNT
    for at in (1e22, 1e300, -5, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", [], "soon"):
        fold(order, event, "updated", {"updated_at": at})
        assert order.stated_at == NOW


def test_an_address_with_very_many_fields_has_its_campaign() -> None:
    assert traffic("a.example", "&".join(f"a{n}=1" for n in range(900)) + "&utm_source=x", "").source == "x"


def test_lines_of_a_file_are_refused_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    lines = [
        GOOD % 0,
        *(bad for bad, _ in BAD.values()),
        track(b'"userId":"u","properties":{"n":1%s}' % (b"0" * 30)),
        GOOD % 1,
    ]
    path.write_bytes(b"\n".join(lines))
    parts = list(files.requests(files.InputFile.open(path), "ndjson", PRIVACY, b""))
    taken = [message.message_id for part in parts for message in part.request.messages]
    assert taken[0] == "good-0"
    assert taken[-1] == "good-1"
    wrong = {one.index for part in parts for one in part.request.rejections}
    # Bytes that are no UTF-8 become U+FFFD when a file is read as text, and no clock is corrected by a file's sentAt.
    fine = {2 + list(BAD).index(what) for what in ("no UTF-8", "a time before 2000 once corrected")}
    assert wrong == set(range(2, len(lines))) - fine


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("81.2.69.160", "81.2.69.160"), ("81.2.69.160:4711", "81.2.69.160"), ("[2001:db8::1]:4711", "2001:db8::1"),
        ('"[2001:DB8::1]"', "2001:db8::1"), ("::ffff:81.2.69.160", "81.2.69.160"), ("fe80::1%eth0", "fe80::1"),
        ("[::ffff:81.2.69.160]:80", "81.2.69.160"), ("unknown", ""), ("_hidden", ""), ("", ""),
    ],
)  # fmt: skip
def test_an_address_is_one_whichever_way_it_is_written(written: str, address: str) -> None:
    assert plain(written) == address


def test_texts_that_are_too_long_for_an_address_are_not_kept_in_memory() -> None:
    before = address._kept_plain.cache_info().currsize
    behind = Addresses(Settings(trusted_proxies="1"))
    for number in range(3):
        assert plain(f"192.0.2.{number}" + " " * 30_000) == f"192.0.2.{number}"
        forwarded = b"x" * 30_000 + b", 192.0.2.%d" % number
        scope = {"client": ("10.0.0.1", 1), "headers": [(b"x-forwarded-for", forwarded)]}
        assert behind.of(scope) == f"192.0.2.{number}"
    assert behind._kept.cache_info().currsize == 0
    assert address._kept_plain.cache_info().currsize <= before + 4


@pytest.mark.parametrize(
    ("settings", "headers", "address"),
    [
        ({}, [("x-forwarded-for", "1.1.1.1")], "10.0.0.1"),
        ({"trust_proxy": True}, [("x-forwarded-for", "6.6.6.6, 1.1.1.1")], "1.1.1.1"),
        ({"trust_proxy": True}, [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "1.1.1.1:5")], "1.1.1.1"),
        ({"trusted_proxies": "2"}, [("x-forwarded-for", "6.6.6.6, 1.1.1.1, 10.0.0.2")], "1.1.1.1"),
        ({"trusted_proxies": "2"}, [("x-forwarded-for", "1.1.1.1")], "1.1.1.1"),
        ({"trusted_proxies": "10.0.0.0/8"}, [("x-forwarded-for", "6.6.6.6, 1.1.1.1, 10.9.9.9")], "1.1.1.1"),
        ({"trusted_proxies": "192.0.2.0/24"}, [("x-forwarded-for", "6.6.6.6")], "10.0.0.1"),
        ({"trusted_proxies": "1"}, [("x-forwarded-for", "6.6.6.6, unknown")], "10.0.0.1"),
        ({"trusted_proxies": "1", "proxy_header": "CF-Connecting-IP"}, [("cf-connecting-ip", "1.1.1.1")], "1.1.1.1"),
        ({"trusted_proxies": "1", "proxy_header": "X-Real-IP"}, [("x-forwarded-for", "6.6.6.6")], "10.0.0.1"),
        ({"trusted_proxies": "1", "proxy_header": "Forwarded"},
         [("forwarded", 'for=6.6.6.6, for="[2001:db8::1]:80";proto=https;by="a,b"')], "2001:db8::1"),
        ({"trusted_proxies": "1", "proxy_header": "Forwarded"}, [("forwarded", 'for="6.6.6.6, for=1.1.1.1')], "1.1.1.1"),
        ({"trusted_proxies": "1", "proxy_header": "Forwarded"},
         [("forwarded", 'for=1.1.1.1;host="x, for=6.6.6.6"')], "1.1.1.1"),
    ],
)  # fmt: skip
def test_the_client_is_who_the_nearest_trusted_proxy_says(settings: Any, headers: Any, address: str) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    scope = {"client": ("10.0.0.1", 1), "headers": raw}
    assert Addresses(Settings(**settings)).of(scope) == address


def test_proxies_that_are_neither_a_number_nor_networks_stop_the_start() -> None:
    with pytest.raises(BadSettings, match="--trusted-proxies"):
        load(trusted_proxies="the nginx one")


def test_a_host_that_is_none_is_no_fault_of_the_server(server: Any) -> None:
    answer = server.http.post("/api/v1/sign-in/passkey/ask", headers={"host": "[bad"})
    assert answer.status_code == 400


def test_a_visitor_without_id_is_the_same_from_any_port(new_server: Any) -> None:
    server = new_server(trusted_proxies="1").start()
    agent = {
        "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
        "accept-language": "de",
    }
    for said in ("6.6.6.6, 81.2.69.160:1", "81.2.69.160:2", "[::ffff:81.2.69.160]:3", "81.2.69.160"):
        answer = server.post("page", {"name": "Home"}, headers={**agent, "x-forwarded-for": said})
        assert answer.status_code == 202
    noted = server.post("batch", {"sentAt": 1e300, "batch": [{"type": "page", "userId": "null"}]}).json()
    assert (noted["accepted"], [note["field"] for note in noted["notes"]]) == (1, ["sentAt", "userId"])
    view = server.http.post("/v1/entities/a/1/view", json={"session_id": "undefined"}, auth=(WRITE_KEY, ""))
    assert (view.status_code, view.json()["errors"][0]["field"]) == (400, "session_id")
    server.stored()
    [row] = server.sql(
        "SELECT uniqExact(visitor_id) AS n, any(country) AS country FROM events WHERE browser = 'Firefox'"
    )
    assert row == {"n": 1, "country": "GB"}
    assert any("placeholder" in row["reason"] for row in server.get("rejections"))


def test_bodies_that_do_not_come_are_cut_and_keep_nobody_waiting(new_server: Any) -> None:
    server = new_server(connections_per_address="5").start()
    head = b"POST /v1/track HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{"

    async def slow() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(head)

        async def feed() -> None:
            while True:
                await asyncio.sleep(0.5)
                writer.write(b" ")

        feeding = asyncio.ensure_future(feed())
        try:
            return await reader.read()  # until the server closes the connection
        finally:
            feeding.cancel()
            writer.close()

    async def many() -> list[bytes]:
        waiting = [asyncio.ensure_future(slow()) for _ in range(40)]
        answer = await asyncio.to_thread(server.post, "track", {"event": "Meanwhile", "anonymousId": "m"})
        assert answer.status_code == 202
        _, left = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert len(left) >= 5
        return await asyncio.gather(*waiting)

    began = time.monotonic()
    answers = asyncio.run(many())
    assert time.monotonic() - began >= 14  # five had all of their time
    assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in answers)
