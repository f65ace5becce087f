"""A store with everything that a site can bring, and all answers about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

import processes
from conftest import EMAIL, PASSWORD, WRITE_KEY, Server
from engine_faults import BREAK, MEND, change_engine, poison
from sample_questions import BODIES

TIMELESS = sorted(BODIES.keys() - {"live"})
"""The questions whose answers do not depend on the minute."""


def batch(server: Server, messages: list[dict[str, Any]], key: str = WRITE_KEY) -> None:
    for first in range(0, len(messages), 400):
        answer = server.http.post("/v1/batch", json={"batch": messages[first : first + 400]}, auth=(key, ""))
        assert answer.status_code == 202, answer.text


def seen(first: int, count: int) -> list[dict[str, Any]]:
    """Messages of one visitor each."""
    return [
        {"type": "track", "event": "Seen", "messageId": f"seen-{n}", "anonymousId": f"seen-{n}", "properties": {"n": n}}
        for n in range(first, first + count)
    ]


def visit(number: int) -> list[dict[str, Any]]:
    """The next page of one visitor's session."""
    return [
        {"type": "page", "anonymousId": "reader", "messageId": f"page-{number}", "properties": {"path": f"/{number}"}}
    ]


def change(server: Server, method: str, path: str, body: Any) -> None:
    """A change of the project by its owner."""
    with httpx.Client(base_url=server.url, timeout=30) as client:
        me = client.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).json()
        project = client.get("/api/v1/projects").json()[0]["id"]
        answer = client.request(
            method, f"/api/v1/projects/{project}/{path}", json=body, headers={"x-csrf-token": me["csrf"]}
        )
        assert answer.is_success, answer.text


def fill(server: Server) -> None:
    """Some weeks of the concert site, and what it has not: merges, late events, a register, costs, views, dead letters."""
    script = str(Path(__file__).parents[2] / "examples" / "concert_traffic.py")
    options = ["--url", server.url, "--write-key", WRITE_KEY, "--days", "45", "--visits-per-day", "20"]
    processes.run([script, *options]).check_returncode()
    day = datetime.now(UTC) - timedelta(days=3)

    def at(minutes: int) -> str:
        return (day + timedelta(minutes=minutes)).isoformat()

    people = [f"ask-{n}" for n in range(40)]
    batch(server, [
        {"type": "track", "event": f"Ask {'AB'[n % 2]}", "anonymousId": one, "timestamp": at(n * 50), "messageId": f"{one}-{n}",
         "properties": {"plan": "gold", "deep": {"list": [1, 2.5, {"x": None}], "ä": "ö"}, "total": n / 3}}
        for one in people for n in range(4)
    ])  # fmt: skip
    batch(server, [{"type": "identify", "anonymousId": one, "userId": f"u{number // 2}", "traits": {"gender": "f"}}
                   for number, one in enumerate(people[:20])])  # fmt: skip
    batch(
        server, [{"type": "alias", "previousId": "u1", "userId": "u2"}, {"type": "track", "event": "", "userId": "u"}]
    )
    server.stored()
    batch(
        server,
        [{"type": "page", "anonymousId": one, "timestamp": at(25), "messageId": f"{one}-late"} for one in people],
    )
    server.stored()
    entities = [{"type": "concert", "id": f"c{n}", "name": f"Concert {n}", "owners": ["artist:1"]} for n in range(20)]
    change(server, "PUT", "entities", entities)
    for n in range(10):
        viewed = server.post("entities/concert/c1/view", {"session_id": f"s{n}", "anonymous_id": f"ask-{n}"})
        assert viewed.status_code == 200, viewed.text
    server.stored()
    merges = server.asked({"question": "merges"})["data"]
    change(server, "POST", "merges/undo", {name: merges[0][name] for name in ("identity", "person")})
    change_engine(server, BREAK)
    poison(server, "one", "two")
    change_engine(server, MEND)
    assert server.stored()["dead_letters"] == 2


def answers(server: Server) -> dict[str, Any]:
    found = {kind: server.asked({"question": kind, **BODIES[kind]})["data"] for kind in TIMELESS}
    found["cohort_sizes"]["sizes"][-1].pop("at")  # the moment of the question
    return found
