"""Visits to a concert site: people who come, look around, search, and some of whom buy a ticket."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

Step = tuple[float, dict[str, Any]]

ARTISTS = (
    "The Paper Lanterns",
    "Nadia Okoye",
    "Glass Harbour",
    "Sons of Ljubljana",
    "Mirela",
    "Low Tide Orchestra",
    "Kwame & the Comets",
    "Velvet Static",
    "Ana Duarte",
    "Northern Choir",
    "Tiny Engines",
    "Marimba Club",
)
VENUES = ("Kulturhaus", "The Boiler Room", "Teatro Lux", "Harbour Hall", "Open Air Park", "Blue Note Cellar")
GENRES = ("jazz", "indie", "folk", "electronic", "classical", "soul")
SEARCHES = (
    "jazz tonight",
    "open air",
    "nadia okoye",
    "free concerts",
    "saturday",
    "folk",
    "choir",
    "cheap tickets",
)
SITE = "https://concerts.example"

AGENTS = (
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
        "Mobile/15E148 Safari/604.1",
        390,
        34,
    ),
    (
        "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile "
        "Safari/537.36",
        412,
        27,
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 "
        "Safari/537.36",
        1920,
        20,
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
        "Safari/605.1.15",
        1512,
        10,
    ),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0", 2560, 5),
    (
        "Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 "
        "Mobile/15E148 Safari/604.1",
        820,
        4,
    ),
)
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"

ORIGINS = (
    ("", "", 30),
    ("https://www.google.com/", "", 26),
    ("https://www.instagram.com/", "", 10),
    ("https://www.google.de/", "gclid=demo&utm_source=google&utm_medium=cpc&utm_campaign=autumn", 6),
    ("", "utm_source=newsletter&utm_medium=email&utm_campaign=this-week", 8),
    ("https://chatgpt.com/", "", 5),
    ("https://duckduckgo.com/", "", 3),
    ("https://l.facebook.com/", "fbclid=demo", 5),
    ("https://www.songkick.com/", "", 3),
    ("https://www.reddit.com/r/livemusic", "", 2),
    ("https://www.youtube.com/watch?v=demo", "", 2),
)
# Networks whose country the bundled data knows; only the first 24 bits are ever kept.
NETWORKS = (
    ("81.2.69", "en-GB", 24),
    ("91.64.10", "de-DE", 26),
    ("90.60.12", "fr-FR", 12),
    ("2.37.55", "it-IT", 8),
    ("8.8.4", "en-US", 14),
    ("189.6.20", "pt-BR", 6),
    ("41.220.100", "sw-TZ", 6),
    ("126.1.20", "ja-JP", 4),
)


class Regular(NamedTuple):
    """A returning visitor: the weight of their visits, the probability that a visit is the last, and the common fields
    of their messages.
    """

    weight: float
    leaving: float
    fields: dict[str, Any]


class Site:
    """The concerts on offer, and how people move among them."""

    def __init__(self, seed: int, views: bool = False) -> None:
        self.views = views
        self.random = random.Random(7)  # the same concerts whatever the visits
        self.concerts = [
            {
                "id": f"c{number}",
                "artist": self.random.choice(ARTISTS),
                "venue": self.random.choice(VENUES),
                "genre": self.random.choice(GENRES),
                "price": self.random.choice((12, 18, 25, 32, 45, 60)),
            }
            for number in range(1, 41)
        ]
        self.random = random.Random(seed)
        self.regulars: list[Regular] = []

    def visit(self) -> tuple[dict[str, Any], list[Step]]:
        """Return one visit: the fields that all its messages have, and the steps with their seconds."""
        if self.random.random() < 0.03:
            return self._crawl()
        pick = self.random
        referrer, tags, _ = pick.choices(ORIGINS, [weight for *_, weight in ORIGINS])[0]
        visitor = self._returning() if self.regulars and pick.random() < 0.35 else self._new()
        return visitor, list(_views_once(self._walk(visitor, referrer, tags), self.views))

    def _returning(self) -> dict[str, Any]:
        """Return a visitor who was here before, with the same network and browser."""
        regular = self.random.choices(self.regulars, [candidate.weight for candidate in self.regulars])[0]
        if self.random.random() < regular.leaving:
            self.regulars.remove(regular)
        return dict(regular.fields)

    def _new(self) -> dict[str, Any]:
        pick = self.random
        agent, width, _ = pick.choices(AGENTS, [weight for *_, weight in AGENTS])[0]
        network, locale, _ = pick.choices(NETWORKS, [weight for *_, weight in NETWORKS])[0]
        context = {
            "userAgent": agent, "ip": f"{network}.{pick.randint(1, 250)}", "locale": locale,
            "screen": {"width": width}, "library": {"name": "concert-traffic"},
        }  # fmt: skip
        return {"anonymousId": uuid.UUID(int=pick.getrandbits(128), version=4).hex, "context": context}

    def _crawl(self) -> tuple[dict[str, Any], list[Step]]:
        context = {"userAgent": CRAWLER, "ip": "66.249.66.1", "library": {"name": "concert-traffic"}}
        pages = [
            (second * 2.0, self._page(f"/concerts/{concert['id']}", concert["artist"], ""))
            for second, concert in enumerate(self.random.sample(self.concerts, 5))
        ]
        return {"anonymousId": f"crawler-{self.random.randint(1, 9)}", "context": context}, pages

    def _page(self, path: str, title: str, referrer: str, tags: str = "") -> dict[str, Any]:
        url = f"{SITE}{path}{'?' + tags if tags else ''}"
        return {"type": "page", "page": {"url": url, "referrer": referrer, "title": title}}

    def _walk(self, visitor: dict[str, Any], referrer: str, tags: str) -> Iterator[Step]:
        pick = self.random
        at, path, sent_from = 0.0, pick.choice(("/", "/", "/", "/concerts")), _name_of(referrer, tags)
        if pick.random() < 0.4:
            path = f"/concerts/{pick.choice(self.concerts)['id']}"
        yield at, self._page(path, "Concerts near you", referrer, tags)
        page = {"url": SITE + path}
        while pick.random() < 0.72:
            at += 3 + pick.expovariate(1 / 25)
            concert = self.concerts[min(int(pick.paretovariate(0.9)), len(self.concerts)) - 1]
            entity = {
                "entity_type": "concert",
                "entity_id": concert["id"],
                "artist_name": concert["artist"],
                "venue_name": concert["venue"],
                "genre": concert["genre"],
            }
            if pick.random() < 0.25:
                query = pick.choice(SEARCHES)
                yield (
                    at,
                    self._track("search", page, query=query, search_type="text", result_count=pick.randint(0, 14)),
                )
                at += 2 + pick.expovariate(1 / 6)
                sent_from = "search"
            yield (
                at,
                self._track(
                    "impression", page, **entity, source="week", position=pick.randint(1, 12), feed_type="home"
                ),
            )
            if pick.random() < 0.6:
                at += 1 + pick.expovariate(1 / 8)
                yield (
                    at,
                    self._track("event click", page, **entity, source="feed", position=pick.randint(1, 12)),
                )
                page = {"url": f"{SITE}/concerts/{concert['id']}"}
                yield at + 0.4, self._page(f"/concerts/{concert['id']}", str(concert["artist"]), SITE + path)
                path = f"/concerts/{concert['id']}"
                yield from self._look(at, visitor, page, concert, entity, sent_from)
                at += 20
                sent_from = "feed"
        if visitor.get("userId") and pick.random() < 0.2:
            yield at + 5, self._track("Signed Out", page)

    def _look(
        self,
        at: float,
        visitor: dict[str, Any],
        page: dict[str, Any],
        concert: dict[str, Any],
        entity: dict[str, Any],
        sent_from: str,
    ) -> Iterator[Step]:
        pick = self.random
        yield at + 2, self._track("view_details", page, **entity)
        yield at + 2.1, self._view("concert", str(concert["id"]), page, sent_from)
        if pick.random() < 0.35:
            yield at + 6, self._track("interest", page, **entity)
        if pick.random() < 0.2:
            artist = str(concert["artist"]).lower().replace(" ", "-")
            yield at + 9.1, self._view("artist", artist, page, "concert")
            yield at + 9, self._page(f"/artists/{artist}", str(concert["artist"]), str(page["url"]))
        if pick.random() < 0.3:
            provider = pick.choice(("TicketHub", "Eventful"))
            yield (
                at + 12,
                self._track(
                    "ticket_click",
                    page,
                    **entity,
                    ticket_provider=provider,
                    ticket_url="https://tickets.example/buy",
                    price_range=f"{concert['price']}+",
                ),
            )
            if pick.random() < 0.35:
                if not visitor.get("userId"):
                    visitor["userId"] = "user-" + str(visitor["anonymousId"])[:8]
                    weight, leaving = pick.gammavariate(1.2, 1), pick.betavariate(0.8, 4)
                    self.regulars.append(Regular(weight, leaving, dict(visitor)))
                    yield at + 15, {"type": "identify", "traits": {"plan": "free"}}
                    yield at + 15.2, self._track("Signed Up", page, method="email")
                quantity = pick.choice((1, 2, 2, 4))
                yield (
                    at + 18,
                    self._track(
                        "Order Completed",
                        page,
                        **entity,
                        order_id=f"o{pick.getrandbits(40):x}",
                        revenue=round(quantity * concert["price"] * 1.05, 2),
                        currency="EUR",
                        quantity=quantity,
                    ),
                )

    def _view(self, kind: str, id_: str, page: dict[str, Any], sent_from: str) -> dict[str, Any]:
        """Return a view of an entity, which is sent to the view counter."""
        return self._track("view", page, entity_type=kind, entity_id=id_, referrer_source=sent_from)

    def _track(self, event: str, page: dict[str, Any], **properties: Any) -> dict[str, Any]:
        return {"type": "track", "event": event, "page": page, "properties": properties}


def _views_once(steps: Iterator[Step], wanted: bool) -> Iterator[Step]:
    """Yield the steps of a visit, with at most one view of each entity, or without views."""
    viewed = set()
    for at, step in steps:
        if step.get("event") == "view":
            entity = (step["properties"]["entity_type"], step["properties"]["entity_id"])
            if entity in viewed or not wanted:
                continue
            viewed.add(entity)
        yield at, step


def _name_of(referrer: str, tags: str) -> str:
    """Return the source of a visit, as pages report it with a view."""
    tagged = dict(parse_qsl(tags)).get("utm_source", "")
    return tagged or (urlsplit(referrer).hostname or "direct").removeprefix("www.").removeprefix("l.")
