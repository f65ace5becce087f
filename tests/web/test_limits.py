"""Limits by address and key, and the end of a request's body, in front of every application."""

import asyncio
import socket
from typing import Any

import pytest

from conftest import WRITE_KEY, Server
from trackway.config import load
from trackway.web.server import windows
from trackway.web.server.limits import Limited, Limits, network
from trackway.web.server.windows import Windows


def test_a_window_begins_with_its_first_count_and_allows_the_next_ones_when_it_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(windows.time, "monotonic", lambda: clock[0])
    counted = Windows(2, 60)
    assert [counted.hit("a"), counted.hit("a"), counted.hit("b")] == [0, 0, 0]
    clock[0] += 12.5
    assert (counted.full("a"), counted.full("b"), counted.full("c")) == (48, 0, 0)
    assert (counted.hit("a"), counted.hit("b"), counted.hit("b")) == (48, 0, 48)
    clock[0] += 47.5
    assert (counted.full("a"), counted.hit("a"), counted.hit("a"), counted.hit("a")) == (0, 0, 0, 60)


def test_windows_that_have_ended_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(windows.time, "monotonic", lambda: clock[0])
    counted = Windows(1, 60)
    for number in range(1000):
        counted.hit(str(number))
        clock[0] += 1
    assert len(counted._windows) == 60


def ask(
    app: Any, parts: list[dict[str, Any]], headers: list[tuple[bytes, bytes]], limit: int = 600
) -> list[dict[str, Any]]:
    """Return what an application behind the limits sends for each of three equal requests."""
    sent: list[dict[str, Any]] = []

    async def run() -> None:
        limited = Limited(app, Limits(load(requests_per_minute=limit)), load())
        for _ in range(3):
            left = list(parts)

            async def receive(left: list[dict[str, Any]] = left) -> dict[str, Any]:
                return left.pop(0) if left else {"type": "http.disconnect"}

            async def send(message: dict[str, Any]) -> None:
                sent.append(message)

            scope = {"type": "http", "method": "POST", "path": "/", "headers": headers, "client": ("192.0.2.1", 1)}
            await limited(scope, receive, send)

    asyncio.run(run())
    return sent


def part(body: bytes, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.mark.parametrize(
    ("headers", "waited"),
    [
        ([(b"content-length", b"6")], False),
        ([(b"transfer-encoding", b"chunked")], True),
        ([(b"content-length", b"6"), (b"transfer-encoding", b"chunked")], True),
        ([], True),
    ],
)
def test_the_part_that_completes_the_stated_length_is_the_last(
    headers: list[tuple[bytes, bytes]], waited: bool
) -> None:
    seen: list[list[tuple[str, bytes, bool]]] = []

    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        received = []
        while received[-1:] == [] or received[-1][2]:
            message = await receive()
            received.append((message["type"], message.get("body", b""), bool(message.get("more_body"))))
        received.append(((await receive())["type"], b"", False))
        seen.append(received)

    ask(app, [part(b"abc", True), part(b"def", True), part(b"", False)], headers)
    first = [("http.request", b"abc", True), ("http.request", b"def", waited)]
    empty = [("http.request", b"", False)] if waited else []
    assert seen == [[*first, *empty, ("http.disconnect", b"", False)]] * 3


def test_the_common_headers_are_added_unless_the_answer_has_them() -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": ((b"Referrer-Policy", b"no-referrer"),)})
        await send({"type": "http.response.body", "body": b""})

    starts = [message for message in ask(app, [], []) if message["type"] == "http.response.start"]
    assert [message["headers"] for message in starts] == [
        [(b"Referrer-Policy", b"no-referrer"), (b"x-content-type-options", b"nosniff")]
    ] * 3


def test_requests_are_counted_by_address_and_refused_with_the_time_to_wait() -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    starts = [message for message in ask(app, [], [], limit=2) if message["type"] == "http.response.start"]
    assert [message["status"] for message in starts] == [200, 200, 429]
    assert 1 <= int(dict(starts[2]["headers"])[b"retry-after"]) <= 60


def test_an_ipv6_address_counts_by_its_network() -> None:
    assert network("2001:db8:1:2:3::4") == network("2001:db8:1:2::5") == "2001:db8:1:2::/64"
    assert network("192.0.2.1") == "192.0.2.1"


def test_requests_follow_each_other_on_one_connection(server: Server) -> None:
    """The body's end is known from its length, so the server has not said that it is complete when it is answered."""
    body = b'{"event":"E","anonymousId":"a","writeKey":"%s"}' % WRITE_KEY.encode()
    request = b"POST /v1/track HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    chunked = (
        b"POST /v1/track HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\nX-Trailer: 1\r\n\r\n"
        % (len(body), body)
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        answers = connection.makefile("rb")
        for sent in (request, chunked, request, request + request, chunked):
            connection.sendall(sent)
            for _ in range(sent.count(b"POST")):
                assert answers.readline() == b"HTTP/1.1 202 Accepted\r\n"
                while (line := answers.readline()) != b"\r\n":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                assert answers.read(length) == b'{"accepted":1}'
