"""A creator's page beside the platform's own page of the same entity, on a filled store: what the row policy costs.

    ./run bench creators [20|100]

Both sides ask the same questions about the most popular concert and four others, over HTTP, nothing kept: the platform
with the secret key and the entity in each question, the creator with a token (checked each time) and the policy on each
statement. Rounds alternate. A page is all of its questions, asked at once as a browser does.
"""

from __future__ import annotations

import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from filling import filled
from machinery import WRITE_KEY, machine, trackway
from questions import HOME, SECRET_KEY
from trackway.govern.access.accounts import OwnedEntity
from trackway.govern.access.tokens import sign

ROUNDS = 25
ENTITIES = [OwnedEntity("concert", f"c{n}") for n in (0, 1, 7, 100, 1500)]
ONE = {"entity_type": "concert", "entity_id": "c0"}
OF_ALL = {"all": ["entity_type:is:concert", "entity_id:is:" + "|".join(entity.id for entity in ENTITIES)]}
PERIOD = {"from": "2026-07-20", "to": "2026-08-18"}
PAGE: dict[str, dict[str, Any]] = {
    "daily numbers": {"question": "daily", "subject": "event", "ids": [entity.id for entity in ENTITIES]},
    "views by day": {"question": "views", **ONE},
    "views by source": {"question": "views", "by": "referrer_source", **ONE},
    "counters": {"question": "entity_views", "entity_type": "concert", "ids": [entity.id for entity in ENTITIES]},
    "audience by country": {"question": "audience", "by": "country", **ONE},
    "audience by device": {"question": "audience", "by": "device", **ONE},
    "bookings": {"question": "view_bookings", **ONE},
    "trend by event": {"question": "trend", "series": [{"metric": "events"}, {"metric": "persons"}], "by": ["name"]},
    "funnel": {"question": "funnel", "steps": [{"event": "impression"}, {"event": "click"}, {"event": "ticket_click"}]},
}  # fmt: skip
FILTERED = ("trend by event", "funnel")


def main() -> None:
    """Measure and print."""
    millions = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    place, project = filled(HOME, millions, SECRET_KEY, WRITE_KEY)
    with trackway(place) as (address, _):
        path = f"{address}/api/v1/projects/{project}"
        token = _token(address, path, str(project))
        own_bodies = _bodies(creator=True)
        whole = _bodies(creator=False)
        creator, platform = ({"authorization": f"Bearer {secret}"} for secret in (token, SECRET_KEY))
        took: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in PAGE}
        pages: tuple[list[float], list[float]] = ([], [])
        with httpx.Client(timeout=60) as client:
            for _ in range(ROUNDS):
                for name in PAGE:
                    took[name][0].append(_ask(client, path, creator, own_bodies[name]))
                    took[name][1].append(_ask(client, path, platform, whole[name]))
                pages[0].append(_page(client, path, creator, own_bodies))
                pages[1].append(_page(client, path, platform, whole))
    _print(took, pages, millions)


def _token(address: str, path: str, project: str) -> str:
    with httpx.Client(base_url=address) as admin:
        signed = admin.post("/api/v1/sign-in", json={"email": "bench@example.com", "password": "benchmark password"})
        admin.headers["x-csrf-token"] = signed.json()["csrf"]
        key = admin.post(f"{path}/keys", json={"kind": "embed"}).json()
        entities = [{"type": entity.type, "id": entity.id} for entity in ENTITIES]
        account = {"type": "artist", "verification": "business", "subscription": "enterprise", "entities": entities}
        assert admin.put(f"{path}/accounts/bench", json=account).status_code == 200
    return sign(project, key["id"], key["embed_key"], "bench", seconds=3600)


def _bodies(creator: bool) -> dict[str, dict[str, Any]]:
    common = {**PERIOD, "max_age_s": -1}
    return {
        name: {**body, **common, **({"filter": OF_ALL} if name in FILTERED and not creator else {})}
        for name, body in PAGE.items()
    }


def _ask(client: httpx.Client, path: str, headers: dict[str, str], body: dict[str, Any]) -> float:
    started = time.perf_counter()
    answer = client.post(f"{path}/ask", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return (time.perf_counter() - started) * 1000


def _page(client: httpx.Client, path: str, headers: dict[str, str], bodies: dict[str, dict[str, Any]]) -> float:
    started = time.perf_counter()
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda body: _ask(client, path, headers, body), bodies.values()))
    return (time.perf_counter() - started) * 1000


def _print(took: dict[str, tuple[list[float], list[float]]], pages: tuple[list[float], list[float]], size: int) -> None:
    print(f"\nA creator's page at {size} million events, {machine()}\n")
    print("| p50, ms | creator, by policy | platform, by question | ratio |\n|---|---|---|---|")
    for name, (own_times, whole) in took.items():
        a, b = statistics.median(own_times), statistics.median(whole)
        print(f"| {name} | {a:.0f} | {b:.0f} | {a / b:.2f} |")
    ratios = [statistics.median(own_times) / statistics.median(whole) for own_times, whole in took.values()]
    a, b = statistics.median(pages[0]), statistics.median(pages[1])
    print(f"| the whole page, at once | {a:.0f} | {b:.0f} | {a / b:.2f} |")
    print(f"\nOver the questions the policy costs {100 * (statistics.geometric_mean(ratios) - 1):+.0f} %", flush=True)


if __name__ == "__main__":
    main()
