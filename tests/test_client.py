"""The Python client against a real server: everything once, nothing raised, whatever becomes of server and process."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
import pytest

from conftest import WRITE_KEY, Server
from trackway.client import AsyncTrackway, Trackway, TrackwayASGI, TrackwayWSGI

ROOT = Path(__file__).parents[1]


def test_every_call_is_stored_once_with_identity_time_and_properties(server: Server) -> None:
    at = datetime(2026, 1, 31, 12, 0, 0, 123000, tzinfo=UTC)
    problems: list[Any] = []
    with Trackway(WRITE_KEY, server.url, on_error=lambda *what: problems.append(what)) as client:
        client.identify("client-ann", {"plan": "pro"}, anonymous_id="client-anon")
        client.track("client-ann", "Order Completed", {"revenue": Decimal("12.5"), "currency": "EUR"}, timestamp=at)
        client.page("client-ann", "Docs", "Python", {"url": "https://docs.example/python"})
        client.screen("client-ann", name="Home")
        client.group("client-ann", "client-group", {"name": "Initech"})
        client.alias("client-old", "client-ann")
        client.track(event="Looked", anonymous_id=UUID(int=7), message_id="client-own-id", properties={"at": at})
    assert (problems, client.dropped) == ([], 0)
    server.stored()
    rows = server.sql(
        "SELECT * REPLACE (toJSONString(properties) AS properties) FROM events "
        "WHERE library = 'trackway-python' AND (user_id = 'client-ann' OR message_id = 'client-own-id')"
    )
    found = {(row["type"], row["name"]): row for row in rows}
    assert len(rows) == len(found) == 7
    order = found["track", "Order Completed"]
    assert (order["revenue"], order["currency"]) == ("12.5000", "EUR")
    assert abs((datetime.fromisoformat(order["timestamp"]) - at).total_seconds()) < 5
    assert (found["page", "page"]["host"], found["page", "page"]["path"]) == ("docs.example", "/python")
    assert found["group", "group"]["group_id"] == "client-group"
    assert found["track", "Looked"]["visitor_id"] == str(UUID(int=7))


def test_what_json_has_no_word_for_costs_no_neighbour(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError("no")

    odd: dict[Any, Any] = {
        "nan": float("nan"), "far": [float("inf"), Decimal("NaN"), 1.5], "huge": 10**30, "id": 2**64, "longest": 10**5000,
        "bytes": b"\xff", "half": "a\ud800", "on": date(2026, 1, 31), "money": Decimal("12345678901234567.89"), "odd": Odd(),
        "set": {1}, 7: "seven", (1, 2): "pair", "nested": {"nan": {"deep": float("-inf")}},
    }  # fmt: skip
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    problems: list[Any] = []
    with Trackway(WRITE_KEY, server.url, on_error=lambda *what: problems.append(what)) as client:
        client.track("client-nan", "Before")
        for _ in range(2):
            client.track("client-nan", "Odd", odd)
        client.track("client-nan", "Deep", {"deep": deep})
        client.track(b"client-nan", "After")
    assert (problems, client.dropped) == ([], 1)
    assert len([one for one in caplog.records if "nan of a track is not a finite number" in one.message]) == 1
    server.stored()
    found = server.sql(
        "SELECT name, toJSONString(properties) AS p FROM events WHERE user_id = 'client-nan' ORDER BY name"
    )
    assert [row["name"] for row in found] == ["After", "Before", "Odd", "Odd"]
    said = json.loads(found[2]["p"])
    assert (said["huge"], said["id"], said["money"]) == (str(10**30), str(2**64), "12345678901234567.89")
    assert (said["half"], said["on"], said["odd"], said["7"]) == ("a\ufffd", "2026-01-31", "<Odd>", "seven")
    assert "nan" not in said


def test_a_note_of_the_servers_costs_no_message(server: Server) -> None:
    problems: list[Any] = []
    with Trackway(WRITE_KEY, server.url, on_error=lambda *what: problems.append(what)) as client:
        client.track("client-note", "Bought", {"revenue": "12,50"})
        client.track("client-note", "Bought", {"revenue": "12.50"})
    assert (problems, client.dropped) == ([], 0)
    server.stored()
    sums = server.sql(
        "SELECT count() AS n, toString(sum(revenue)) AS revenue FROM events WHERE user_id = 'client-note'"
    )
    assert sums == [{"n": 2, "revenue": "12.5"}]
    noted = server.sql("SELECT field, reason FROM rejections WHERE field = 'properties.revenue' LIMIT 1")
    assert "'12,50' is not a number" in noted[0]["reason"]


def test_nothing_that_is_given_raises_and_what_is_lost_is_counted(server: Server) -> None:
    problems: list[tuple[str, list[dict[str, Any]]]] = []
    client = Trackway(WRITE_KEY, server.url, on_error=lambda text, which: problems.append((text, which)))
    loop: dict[str, Any] = {}
    loop["self"] = loop
    client.track("client-odd", "Odd", loop)
    client.track("client-odd", "Odd", {"big": "x" * 40_000})
    client.track("client-odd", "")  # the server rejects it: a track names its event
    client.track("client-odd", "Odd", {"thing": object(), "set": {1}})
    assert client.flush(60)
    assert client.dropped == 3
    assert ["at most 32768" in problems[0][0], "rejected 1 of 2" in problems[1][0]] == [True, True]
    assert problems[1][1][0]["field"] == "event"
    client.close()
    refused = Trackway("wk_wrong", server.url, on_error=lambda text, which: problems.append((text, which)))
    refused.track("client-odd", "Odd")
    assert refused.close(60)
    assert problems[-1][0].startswith("401")
    with pytest.raises(ValueError, match="starts with http"):
        Trackway(WRITE_KEY, "t.example.com")


def test_a_server_that_is_away_gets_everything_once_when_it_is_back(new_server: Callable[..., Server]) -> None:
    server = new_server().start()
    client = Trackway(WRITE_KEY, server.url)
    client.track("ann", "Before")
    assert client.flush(60)
    server.stop(signal.SIGKILL)
    for n in range(250):
        client.track("ann", "While away", {"n": n})
    time.sleep(1)
    server.start()
    assert client.flush(60)
    server.stored()
    assert server.sql("SELECT name, count() AS n, uniqExact(message_id) AS ids FROM events GROUP BY 1 ORDER BY 1") == [
        {"name": "Before", "n": 1, "ids": 1},
        {"name": "While away", "n": 250, "ids": 250},
    ]
    client.close()


def test_a_full_queue_drops_the_oldest_and_counts_them() -> None:
    client = Trackway(WRITE_KEY, "http://127.0.0.1:9", most_waiting=10, give_up_after=0.1, timeout=0.2)
    for n in range(500):
        client.track("ann", "E", {"n": n})
    client.close(2)
    assert client.dropped == 500
    assert len(client._queue) == 0


PROGRAM = """
import os, sys
from trackway.client import Trackway
client = Trackway({key!r}, {url!r})
client.track("fork", "Parent before")
pid = os.fork()
client.track("fork", "Child" if pid == 0 else "Parent after")
if pid:
    os.waitpid(pid, 0)
else:
    client.close()
    os._exit(0)
"""


def test_a_forked_child_sends_its_own_and_the_end_of_the_program_loses_nothing(server: Server) -> None:
    subprocess.run([sys.executable, "-c", PROGRAM.format(key=WRITE_KEY, url=server.url)], check=True, timeout=60)
    server.stored()
    assert server.sql("SELECT name, count() AS n FROM events WHERE user_id = 'fork' GROUP BY 1 ORDER BY 1") == [
        {"name": "Child", "n": 1}, {"name": "Parent after", "n": 1}, {"name": "Parent before", "n": 1},
    ]  # fmt: skip


def test_recording_under_asyncio_does_not_stop_the_loop(server: Server) -> None:
    async def program() -> float:
        longest = 0.0
        async with AsyncTrackway(WRITE_KEY, server.url) as client:
            for n in range(1000):
                client.track("async", "Async", {"n": n})
                if n % 10 == 0:
                    began = time.perf_counter()
                    await asyncio.sleep(0)
                    longest = max(longest, time.perf_counter() - began)
            assert await client.flush(20)
        return longest

    asyncio.run(program())
    server.stored()
    assert server.sql("SELECT count() AS n FROM events WHERE user_id = 'async'") == [{"n": 1000}]


AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
SEEN = "SELECT path, visitor_id, user_id, browser, bot FROM events WHERE host = '{}' ORDER BY timestamp"


def test_asgi_middleware_records_pages_of_the_browsers_visitor_and_nothing_else(server: Server) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/broken":
            raise RuntimeError("the application's own")
        kind = b"application/json" if scope["path"] == "/api" else b"text/html; charset=utf-8"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"Content-Type", kind)]})
        await send({"type": "http.response.body", "body": b"<p>"})

    async def program(client: Trackway) -> None:
        transport = httpx.ASGITransport(TrackwayASGI(app, client), client=("81.2.69.160", 1))
        headers = {"user-agent": AGENT, "accept-language": "en-GB"}
        async with httpx.AsyncClient(transport=transport, base_url="http://asgi.example", headers=headers) as http:
            await http.get("/seen?utm_source=x", headers={"cookie": "tw_id=mw-visitor; tw_u=mw%20user; other"})
            await http.get("/nobody")
            await http.get("/nobody")
            await http.get("/api")
            await http.get("/private", headers={"sec-gpc": "1"})
            await http.post("/seen")
            with pytest.raises(RuntimeError, match="the application's own"):
                await http.get("/broken")

    with Trackway(WRITE_KEY, server.url) as client:
        asyncio.run(program(client))
    server.stored()
    rows = server.sql(SEEN.format("asgi.example"))
    assert [row["path"] for row in rows] == ["/seen", "/nobody", "/nobody"]
    assert (rows[0]["visitor_id"], rows[0]["user_id"], rows[0]["browser"]) == ("mw-visitor", "mw user", "Chrome")
    assert rows[1]["visitor_id"] == rows[2]["visitor_id"] != ""
    assert {row["bot"] for row in rows} == {""}


def test_asgi_middleware_counts_proxies_over_all_lines_of_a_header(server: Server) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": b"<p>"})

    async def program(client: Trackway) -> None:
        # The visitor's own line, that of the first proxy and that of the second one, which the application's peer is.
        lines = ["9.9.9.9", "81.2.69.160", "10.0.0.1"]
        cookies = ["tw_id=mw-lines", "tw_u=mw%20lines"]
        headers = [
            ("user-agent", AGENT),
            *(("x-forwarded-for", line) for line in lines),
            *(("cookie", one) for one in cookies),
        ]
        for trusted in (1, 2):
            transport = httpx.ASGITransport(TrackwayASGI(app, client, trusted), client=("10.0.0.2", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://lines.example") as http:
                await http.get(f"/{trusted}", headers=headers)

    with Trackway(WRITE_KEY, server.url) as client:
        asyncio.run(program(client))
    server.stored()
    rows = server.sql("SELECT path, ip, visitor_id, user_id FROM events WHERE host = 'lines.example' ORDER BY path")
    assert [(row["path"], row["ip"].rpartition(".")[0]) for row in rows] == [("/1", "10.0.0"), ("/2", "81.2.69")]
    assert {(row["visitor_id"], row["user_id"]) for row in rows} == {("mw-lines", "mw lines")}


def test_wsgi_middleware_records_pages(server: Server) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html")])
        return [b"<p>"]

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_: Any) -> None: ...

    with Trackway(WRITE_KEY, server.url) as client:
        site = make_server("127.0.0.1", 0, TrackwayWSGI(app, client), handler_class=Quiet)
        thread = threading.Thread(target=site.handle_request)
        thread.start()
        headers = {"host": "wsgi.example", "user-agent": AGENT, "cookie": "tw_id=wsgi-visitor"}
        assert httpx.get(f"http://127.0.0.1:{site.server_port}/page?x=1", headers=headers, timeout=60).text == "<p>"
        thread.join()
        site.server_close()
    server.stored()
    assert [(row["path"], row["visitor_id"]) for row in server.sql(SEEN.format("wsgi.example"))] == [
        ("/page", "wsgi-visitor")
    ]


def test_a_client_that_is_switched_off_starts_nothing() -> None:
    before = threading.active_count()
    Trackway(WRITE_KEY, "http://127.0.0.1:9", enabled=False).track("ann", "E")
    assert threading.active_count() == before


def test_the_client_alone_needs_nothing_that_is_not_pythons_own() -> None:
    """Without site-packages, as `pip install trackway` without the extra `server` leaves it."""
    bare = [sys.executable, "-I", "-S", "-c"]
    path = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); "
    used = f"{path}from trackway.client import *; Trackway('k', 'http://127.0.0.1:9', enabled=False).track('u', 'E'); print('fine')"
    assert subprocess.run([*bare, used], capture_output=True, text=True).stdout == "fine\n"
    told = subprocess.run([*bare, f"{path}from trackway.cli import main; main()"], capture_output=True, text=True)
    assert told.returncode == 1 and "pip install 'trackway[server]'" in told.stderr
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["dependencies"] == [] and "litestar>=2.25" in project["optional-dependencies"]["server"]
