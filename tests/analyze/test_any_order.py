"""Answers do not depend on the order in which rows came: the same messages, stored in two orders, in
batches that have no two of the same moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conftest import SECRET_KEY, Server
from sample_questions import BODIES

BEGAN = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=4)
AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
)
OF_ARRIVAL = {"event_id", "session_id", "received_at", "ended_session_id", "id", "scored_at"}
"""Names of what is minted on arrival, so that it differs from one store to another."""
MORE: list[dict[str, Any]] = [
    {
        "question": "trend",
        "series": [{"event": "Ask A"}],
        "filter": {"column": f"person.{column}", "operator": "is", "values": [value]},
    }
    for column, value in (
        ("first_source", "from0"),
        ("first_source", "from2"),
        ("first_browser", "Chrome"),
        ("properties.plan", "plan1"),
    )
] + [
    {"question": "retention", "start": {"event": "Ask A"}, "return": {}, "by": "device"},
    {"question": "funnel", "steps": [{"event": "Ask A"}, {"event": "Ask B"}], "by": "browser"},
    {"question": "customers", "sort": "orders", "interval": "monthly"},
    {"question": "audience", "entity_type": "concert", "entity_id": "c1", "by": "traits.plan"},
]
ASKED = [
    {"question": kind, **body, **({"limit": 50} if "limit" in body else {})}
    for kind, body in BODIES.items()
    if kind != "cohort_sizes"
]  # which has the present


def messages(at: datetime, name: str) -> list[dict[str, Any]]:
    """Two people with three visitors each, who do everything at the same moments on different devices."""
    made: list[dict[str, Any]] = []
    for person in range(2):
        for number, agent in enumerate(AGENTS):
            visitor = f"order-{person}-{number}"
            page = {"url": f"https://shop.example/{'abc'[number]}?utm_source=from{number}", "path": f"/{'abc'[number]}"}
            order = {"order_id": f"{name}-{person}-{number}", "revenue": 10 + number, "currency": "USD"}
            kinds: list[dict[str, Any]] = [
                {"type": "page"},
                {"type": "identify", "traits": {"plan": f"plan{number}", "name": f"Name {person}"}},
                {"type": "track", "event": "Ask A", "properties": {"plan": f"p{number}"}},
                {"type": "track", "event": "Ask B"},
                {"type": "track", "event": "view", "properties": {"entity_type": "concert", "entity_id": "c1"}},
                {"type": "track", "event": "Order Completed", "properties": order},
            ]
            made += [
                {
                    "messageId": f"{name}-{visitor}-{place}", "anonymousId": visitor, "userId": f"order-user-{person}",
                    "timestamp": (at + timedelta(seconds=place)).isoformat().replace("+00:00", "Z"),
                    "context": {"userAgent": agent, "locale": "en-GB", "page": page}, **kind,
                }
                for place, kind in enumerate(kinds)
            ]  # fmt: skip
    return made


def batches(at: datetime, name: str, way: int) -> list[list[dict[str, Any]]]:
    """Messages in one order or the other, a batch for half of the kinds of each visitor: what happens at the same moment
    is of several visitors, so no batch has two of it.
    """
    made = messages(at, name)[::way]
    return [made[first : first + 3] for first in range(0, len(made), 3)]


def stored(server: Server, ways: tuple[int, int]) -> Server:
    """Store the middle in one order, so that people have the same numbers, and what is before and after it in two."""
    server.start()
    first, last = (batches(BEGAN + timedelta(days=day), f"d{day}", way) for day, way in zip((0, 2), ways, strict=True))
    for batch in [messages(BEGAN + timedelta(days=1), "d1")[::6], *first, *last]:  # each is a part of its own
        assert server.post("batch", {"batch": batch}).status_code == 202
        server.stored()
    return server


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    folder = tmp_path_factory.mktemp("order")
    servers = [Server(folder / "forward"), Server(folder / "backward")]
    yield [stored(server, ways) for server, ways in zip(servers, ((1, 1), (-1, -1)), strict=True)]
    for server in servers:
        server.stop()


def known(answer: Any) -> Any:
    """What an answer says, without what is minted on arrival, by which rows of one moment are ordered."""
    if isinstance(answer, dict):
        return {key: known(value) for key, value in answer.items() if key not in OF_ARRIVAL}
    if isinstance(answer, list):
        items = [known(item) for item in answer]
        return sorted(items, key=repr) if all(isinstance(item, dict) for item in items) else items
    return answer


def near(answer: Any) -> Any:
    """The answer, with numbers as they are a moment later: scores of interactions lose weight all the time."""
    if isinstance(answer, dict):
        return {key: near(value) for key, value in answer.items()}
    if isinstance(answer, list):
        return [near(item) for item in answer]
    return pytest.approx(answer, rel=1e-4, abs=1e-4) if isinstance(answer, float) else answer


def ask(server: Server, body: dict[str, Any]) -> Any:
    headers = {"authorization": f"Bearer {SECRET_KEY}"}
    project = server.http.get("/api/v1/projects", headers=headers).json()[0]["id"]
    answer = server.http.post(f"/api/v1/projects/{project}/ask", json={"period": "30d", **body}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


@pytest.mark.parametrize("body", [*ASKED, *MORE], ids=str)
def test_a_question_has_one_answer(both: list[Server], body: dict[str, Any]) -> None:
    forward, backward = (known(ask(server, body)) for server in both)
    assert forward == (near(backward) if body["question"] == "personalize" else backward)
