"""Realistic traffic: many visitors, agents, addresses and pages; users, sign-outs, named sessions, orders; late and repeated events."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from trackway.event import Arrival, Location, Message

START = 1_790_000_000_000
PROJECT = b"benchmark projec"
PLACES = [
    Location(country, f"Region {n % 20}", f"City {n}") for n, country in enumerate("DE GB US FR ES IT".split() * 50)
]
_SYSTEMS = [
    *(f"Windows NT 10.0; Win64; {build}" for build in ("x64", "ARM64")),
    *(f"Macintosh; Intel Mac OS X 10_15_{n}" for n in range(8)),
    "X11; Linux x86_64",
    *(f"Linux; Android {n}; Pixel {n - 6}" for n in range(10, 16)),
]
AGENTS = [
    f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.{build}.0 Safari/537.36"
    for system in _SYSTEMS
    for version in range(110, 142)
    for build in (0, 6099, 6312, 6422)
]
_REFERRERS = [
    "",
    "",
    "https://www.google.com/",
    "https://www.instagram.com/",
    "https://news.example/a",
    "https://t.co/x",
]
_CAMPAIGNS = ["", "", "", "utm_source=newsletter&utm_medium=email&utm_campaign=may", "gclid=abc", "page=2&sort=date"]
_NAMES = ["page"] * 9 + ["impression"] * 5 + ["click"] * 3 + ["search", "view_details", "ticket_click"]
GENRES = ["jazz", "rock", "classical", "electronic", "folk"]


def message_of(serial: int, at: int, rng: random.Random, visitors: int, from_server: bool) -> Message:
    """A message of hard traffic. One from a server that sends for visitors says whose it is; otherwise the request does."""
    visitor = int(visitors * rng.random())
    concert = int(5_000 * rng.random() ** 2)
    name = rng.choice(_NAMES) if serial % 500 else ("Signed Out" if serial % 1000 else "Order Completed")
    known = visitor % 5 == 0
    tag = _CAMPAIGNS[(visitor + serial // 5_000_000) % len(_CAMPAIGNS)]
    unique = f"&session={rng.getrandbits(32):x}" if rng.random() < 0.2 else ""
    context: dict[str, Any] = {
        "page": {
            "url": f"https://concerts.example/concerts/{concert}?{tag}{unique}",
            "path": f"/concerts/{concert}",
            "referrer": _REFERRERS[visitor % len(_REFERRERS)],
            "title": f"Concert {concert} – tickets",
        },
        "locale": ("en-GB", "de-DE", "fr", "es-ES")[visitor % 4],
        "screen": {
            "width": (1920, 1440, 390, 412)[visitor % 4],
            "height": 900,
            "maxTouchPoints": 5 * (visitor % 4 > 1),
        },
        "library": {"name": "@trackway/browser", "version": "1.0.0"},
    }
    if from_server:
        context["userAgent"] = AGENTS[visitor * 7 % len(AGENTS)]
        context["ip"] = f"10.{visitor % 200}.{visitor // 200 % 200}.0"
        place = PLACES[visitor % len(PLACES)]
        context["location"] = {"country": place.country, "region": place.region, "city": place.city}
    if visitor % 50 == 1:
        context["sessionId"] = f"tab-{visitor}"
    properties: dict[str, Any] = {"entity_type": "concert", "entity_id": f"c{concert}", "position": serial % 12}
    if serial % 3 == 0:
        properties |= {"genre": GENRES[serial % 5], "price": serial % 97 + 0.5, "sold_out": serial % 7 == 0}
    if serial % 11 == 0:
        properties |= {"filters": {"city": "Berlin", "day": serial % 31}, "tags": ["a", "b"]}
    if name == "Order Completed":
        properties |= {"order_id": f"o{serial}", "total": 20 + serial % 90, "currency": "EUR"}
    late = rng.randrange(600_000) if rng.random() < 0.05 else 0
    return Message(
        type="page" if name == "page" else "track",
        event=None if name == "page" else name,
        message_id=f"b{serial}-{rng.getrandbits(64):x}",
        anonymous_id=f"visitor-{visitor}",
        user_id=f"user-{visitor}" if known else None,
        timestamp=at - late,
        sent_at=at + 20 if from_server else None,
        context=context,
        properties=properties,
    )


def arrivals(count: int, seed: int = 11, visitors: int = 50_000, a_second: int = 20_000) -> Iterator[Arrival]:
    """Requests with `count` messages in all: half of them in requests of 100 from servers, half in threes from browsers."""
    rng = random.Random(seed)
    serial = 0
    earlier: list[Message] = []
    while serial < count:
        at = START + serial * 1000 // a_second
        size = 100 if serial // 600 % 2 else 3
        messages = [message_of(serial + n, at + n, rng, visitors, bool((serial + n) % 2)) for n in range(size)]
        if size == 3:  # one visitor's own
            for one in messages[1:]:
                one.anonymous_id, one.user_id, one.context = (
                    messages[0].anonymous_id,
                    messages[0].user_id,
                    messages[0].context,
                )
        serial += size
        if earlier and rng.random() < 0.02 * size:
            messages[0] = rng.choice(earlier)
        earlier = [*earlier[-1000:], messages[-1]]
        visitor = int(str(messages[0].anonymous_id).partition("-")[2])
        yield Arrival(
            at + 30, PROJECT, f"192.0.{visitor % 250}.0", PLACES[visitor % len(PLACES)],
            AGENTS[visitor * 7 % len(AGENTS)] if size == 3 else "python-requests/2.32", "de-DE,de;q=0.9",
            size == 3, at + 25, messages,
        )  # fmt: skip
