"""Questions that are stopped: by their name, by hanging up; and no project keeps another waiting."""

import json
import socket
import threading
import time
from typing import Any

import httpx
import pytest
from inquiry import (
    BEARER,
    address,
    admin,  # noqa: F401
    ask,
    message,
)

from conftest import Server


@pytest.fixture(scope="module")
def path(server: Server) -> str:
    return address(server)


def test_a_question_is_stopped_by_its_id_and_when_its_client_goes_away(
    server: Server, path: str, monkeypatch: Any
) -> None:
    # Twenty steps of any event, in any order, over many events of one visitor: slow enough to be caught in the act.
    batch = [message("ask-slow", f"S{n % 20}", timestamp=int(time.time() * 1000) - n) for n in range(500)]
    for turn in range(40):
        for n, one in enumerate(batch):
            one["messageId"] = f"slow-{turn}-{n}"
        assert server.post("batch", {"batch": batch}).status_code == 202
    server.stored()
    body = {"question": "funnel", "order": "any", "window_s": 86_400, "id": "stop-me",
            "steps": [{"event": f"S{n % 20}", "where": {"column": "visitor_id", "operator": "matches_not", "values": [f"(x+x+)+{n}"]}} for n in range(20)]}  # fmt: skip
    outcome: dict[str, Any] = {}

    def run() -> None:
        with httpx.Client(base_url=server.url, timeout=120) as client:
            outcome["response"] = client.post(f"{path}/ask", json=body, headers=BEARER)

    started = time.monotonic()
    thread = threading.Thread(target=run)
    thread.start()
    for _ in range(200):
        time.sleep(0.01)
        assert server.http.delete(f"{path}/ask/stop-me", headers=BEARER).status_code == 204
        if not thread.is_alive():
            break
    thread.join(60)
    response = outcome["response"]
    if response.status_code == 200:
        pytest.fail(f"the question was over in {time.monotonic() - started:.1f} s, before it could be stopped")
    assert (response.status_code, response.json()["errors"][0]["reason"]) == (400, "the question was cancelled")

    # The same by hanging up: its thread and its turn are free again at once.
    raw = httpx.Request("POST", f"{server.url}{path}/ask", json={**body, "id": ""}, headers=BEARER)
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        head = f"POST {path}/ask HTTP/1.1\r\nHost: x\r\n" + "".join(
            f"{k}: {v}\r\n" for k, v in raw.headers.items() if k != "host"
        )
        connection.sendall(head.encode() + b"\r\n" + raw.read())
        time.sleep(0.1)
    began = time.monotonic()
    ask(server, path, "event_names")
    assert time.monotonic() - began < 5


def test_hanging_up_stops_free_sql_too(server: Server, path: str) -> None:
    """Two such statements would have all slots of the project for half a minute."""
    assert server.post("batch", {"batch": [message(f"ask-heavy-{n}", "Heavy") for n in range(400)]}).status_code == 202
    server.stored()
    ids = ", ".join(f"{name}.event_id" for name in "abcd")
    joined = ", ".join(f"events AS {name}" for name in "abcd")
    for n in range(2):
        body = json.dumps({"sql": f"SELECT count() FROM {joined} WHERE cityHash64({ids}) % 3 = {n}"})
        head = {**BEARER, "host": "x", "content-type": "application/json", "content-length": str(len(body))}
        lines = [f"POST {path}/query HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", body]
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall("\r\n".join(lines).encode())
            time.sleep(0.5)
    began = time.monotonic()
    ask(server, path, "event_names", max_age_s=-1)
    assert time.monotonic() - began < 8


def test_one_project_cannot_keep_another_waiting(server: Server, path: str, admin: httpx.Client) -> None:
    made = admin.post("/api/v1/projects/", json={"name": "Another"}).json()
    other = {"authorization": f"Bearer {made['secret_key']}"}
    some = "(SELECT arrayJoin(range(15000)) AS n)"
    heavy = {"sql": f"SELECT count() FROM {some} AS a, {some} AS b WHERE cityHash64(a.n, b.n) % 3 = 1"}
    done: list[float] = []

    def run() -> None:
        with httpx.Client(base_url=server.url, timeout=120) as client:
            client.post(f"{path}/query", json=heavy, headers=BEARER)
            done.append(time.monotonic())

    began = time.monotonic()
    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    body = {"question": "event_names"}
    answer = server.http.post(f"/api/v1/projects/{made['project_id']}/ask", json=body, headers=other)
    own = time.monotonic() - began
    assert answer.status_code == 200, answer.text
    for thread in threads:
        thread.join()
    assert own < (max(done) - began) / 2, "it waited for the other project's questions"
