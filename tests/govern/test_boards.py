"""Boards, the links that share them, and the live stream."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from conftest import SECRET_KEY, Server

BEARER = {"authorization": f"Bearer {SECRET_KEY}"}
TREND = {"question": "trend", "series": [{"metric": "events", "event": "Boarded"}], "interval": "day"}
LAYOUT = {
    "tiles": [
        {"id": "a", "kind": "question", "title": "Boarded", "text": "", "ask": TREND, "show": "chart", "x": 0, "y": 0, "w": 6, "h": 4},
        {"id": "b", "kind": "note", "title": "", "text": "# Hello", "ask": {}, "show": "chart", "x": 6, "y": 0, "w": 6, "h": 2},
    ],
    "period": "7d", "from": "", "to": "", "filter": ["properties.plan:is:free"], "bots": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def base(server: Server) -> str:
    server.post("track", {"event": "Boarded", "anonymousId": "b1", "properties": {"plan": "free"}})
    server.post("track", {"event": "Boarded", "anonymousId": "b2", "properties": {"plan": "pro"}})
    server.stored()
    project = server.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"]
    return f"/api/v1/projects/{project}"


def call(server: Server, method: str, path: str, body: Any = None) -> httpx.Response:
    return server.http.request(method, path, json=body, headers=BEARER)


def test_a_board_is_made_changed_taken_away_and_brought_back(server: Server, base: str) -> None:
    made = call(server, "POST", f"{base}/boards", {"name": "Mine", "layout": LAYOUT})
    assert made.status_code == 201, made.text
    board = made.json()
    assert board["layout"] == LAYOUT
    path = f"{base}/boards/{board['id']}"
    assert call(server, "PUT", path, {"name": "Ours"}).json()["layout"] == LAYOUT
    assert [one["name"] for one in call(server, "GET", f"{base}/boards").json()] == ["Ours"]
    assert call(server, "DELETE", path).status_code == 204
    assert call(server, "GET", path).status_code == 404
    assert call(server, "DELETE", path).status_code == 404
    assert call(server, "POST", f"{path}/restore").json()["name"] == "Ours"
    call(server, "DELETE", path)


@pytest.mark.parametrize(
    ("layout", "says"),
    [
        ({"tiles": [{"id": "a", "kind": "question", "ask": {"question": "everything"}}]}, "question"),
        ({"tiles": [{"id": "a", "kind": "note"}, {"id": "a", "kind": "note"}]}, "same id"),
        ({"tiles": [{"id": "a", "kind": "note", "w": 13}]}, "12"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_layout_that_cannot_be_shown_is_refused(server: Server, base: str, layout: Any, says: str) -> None:
    answer = call(server, "POST", f"{base}/boards", {"name": "Bad", "layout": layout})
    assert answer.status_code == 400
    assert says in answer.text


def test_a_link_shows_its_board_to_anybody_and_nothing_else_until_it_is_taken_back(server: Server, base: str) -> None:
    board = call(server, "POST", f"{base}/boards", {"name": "Shared", "layout": LAYOUT}).json()
    path = f"{base}/boards/{board['id']}"
    share = call(server, "POST", f"{path}/shares", {"days": 7}).json()
    token, anybody = share["token"], server.http
    assert call(server, "GET", f"{path}/shares").json()[0]["token"] == "", "it is shown only once"
    shown = anybody.get(f"/api/v1/shared/{token}")
    assert (shown.status_code, shown.json()["name"], shown.json()["layout"]) == (200, "Shared", LAYOUT)
    answer = anybody.get(f"/api/v1/shared/{token}/tiles/a")
    # The board's filter holds: one of two events.
    assert answer.json()["data"]["series"][0]["total"] == 1
    assert "queries" not in answer.json()
    changed = anybody.get(f"/api/v1/shared/{token}/tiles/a", params={"filter": "", "period": "all"})
    assert changed.json()["data"]["series"][0]["total"] == 1, "nothing of it comes from the caller"
    for refused in (
        anybody.get(f"/api/v1/shared/{token}/tiles/b"),
        anybody.get(f"/api/v1/shared/{token}/tiles/zzz"),
        anybody.get(f"/api/v1/shared/{token}x"),
    ):
        assert refused.status_code == 404
    assert anybody.get(f"{base}/boards", headers={"authorization": f"Bearer {token}"}).status_code == 401
    assert anybody.get(f"{base}/boards").status_code == 401
    # Taken away and back with the board; useless for ever once revoked.
    call(server, "DELETE", path)
    assert anybody.get(f"/api/v1/shared/{token}").status_code == 404
    call(server, "POST", f"{path}/restore")
    assert anybody.get(f"/api/v1/shared/{token}").status_code == 200
    assert call(server, "DELETE", f"{path}/shares/{share['id']}").status_code == 204
    assert anybody.get(f"/api/v1/shared/{token}").status_code == 404
    assert anybody.get(f"/api/v1/shared/{token}/tiles/a").status_code == 404
    assert call(server, "GET", f"{path}/shares").json() == []


def test_a_stream_tells_what_arrives_once_and_goes_on_where_it_was(server: Server, base: str) -> None:
    got: list[tuple[str, list[str]]] = []
    started = threading.Event()

    def listen(last: str, until: int) -> None:
        headers = {**BEARER, **({"last-event-id": last} if last else {})}
        seen = ""
        with httpx.stream(
            "GET", f"{server.url}{base}/stream?filter=name:is:Streamed", headers=headers, timeout=60
        ) as lines:
            assert lines.status_code == 200
            for line in lines.iter_lines():
                if line.startswith(":"):
                    started.set()
                elif line.startswith("id: "):
                    seen = line[4:]
                elif line.startswith("data: "):
                    got.append((seen, [one["visitor_id"] for one in json.loads(line[6:])]))
                    if sum(len(names) for _, names in got) >= until:
                        return

    listener = threading.Thread(target=listen, args=("", 2))
    listener.start()
    assert started.wait(60)
    time.sleep(0.2)
    server.post("track", {"event": "Streamed", "anonymousId": "s1"})
    server.post("track", {"event": "Other", "anonymousId": "s0"})
    server.stored()
    time.sleep(1)
    server.post("track", {"event": "Streamed", "anonymousId": "s2"})
    listener.join(60)
    assert [name for _, names in got for name in names] == ["s1", "s2"]
    # A client that was away for a moment hears what it missed.
    server.post("track", {"event": "Streamed", "anonymousId": "s3"})
    server.stored()
    listener = threading.Thread(target=listen, args=(got[-1][0], 3))
    listener.start()
    listener.join(60)
    assert [name for _, names in got for name in names] == ["s1", "s2", "s3"]
    assert server.http.get(f"{base}/stream").status_code == 401


def test_a_server_with_open_streams_stops_at_once(new_server: Callable[..., Server]) -> None:
    server = new_server().start()
    project = server.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"]
    begun = threading.Semaphore(0)

    def listen() -> None:
        with httpx.stream("GET", f"{server.url}/api/v1/projects/{project}/stream", headers=BEARER, timeout=60) as lines:
            for line in lines.iter_lines():
                if line.startswith(":"):
                    begun.release()

    listeners = [threading.Thread(target=listen) for _ in range(3)]
    for one in listeners:
        one.start()
    for _ in listeners:
        assert begun.acquire(timeout=60)
    server.stop()  # fails after 30 seconds
    for one in listeners:
        one.join(60)
        assert not one.is_alive()
