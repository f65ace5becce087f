"""What is known of one person, in plain Python from the messages that were sent.

Written from the definitions (docs/how-to/personalize.md, docs/explanation/counting.md) with the rules of the marketplace
pack written out here; it shares no code with Trackway. Times are milliseconds since 1970.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from math import sqrt
from typing import Any
from zoneinfo import ZoneInfo

DAY = 86_400_000
WEIGHTS = {"view": 0.1, "click": 0.2, "like": 0.3, "share": 0.4, "save": 0.4, "apply": 0.5, "endorse": 0.5}
STEPS = ((30, 0.2), (60, 0.2), (120, 0.1))
BANDS = ((20, "<20"), (50, "20-50"), (100, "50-100"), (200, "100-200"))
AUTOMATIC = {"impression", "engagement", "time_in_view", "scroll", "web_vital", "error"}
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SUGGESTED = {
    "new_user": "complete_profile", "incomplete_profile": "add_projects", "low_engagement": "request_endorsement",
    "power_user": "refer_friend",
}  # fmt: skip
"""What is suggested in a stage; in the others `explore_jobs`, if a product is new that the person may like."""

Node = tuple[str, ...]
"""A user (`("user", id)`), or a visitor between two sign-outs (`("visitor", id, number of sign-outs before)`)."""


@dataclass
class Sent:
    """A message as it was sent, with the parts that the definitions name."""

    id: str
    kind: str
    at: int
    user: str = ""
    visitor: str = ""
    name: str = ""
    properties: dict[str, Any] = field(default_factory=dict)
    traits: dict[str, Any] = field(default_factory=dict)
    previous: str = ""
    bot: bool = False

    @property
    def entity(self) -> tuple[str, str]:
        return self.properties.get("entity_type", ""), self.properties.get("entity_id", "")

    @property
    def is_action(self) -> bool:
        return self.kind in ("track", "page", "screen") and self.name not in AUTOMATIC

    @property
    def score(self) -> float:
        lasted = self.properties.get("duration_s", 0)
        return min(1.0, 0.5 + sum(worth for over, worth in STEPS if lasted > over) + WEIGHTS[self.name])


def people(messages: list[Sent]) -> dict[str, list[Sent]]:
    """The messages of each user's person, in order of time."""
    messages = sorted({one.id: one for one in reversed(messages)}.values(), key=lambda one: one.at)
    ends = defaultdict(list)
    for one in messages:
        if one.name == "Signed Out" and one.visitor:
            ends[one.visitor].append(one.at)

    def stretch(one: Sent) -> Node:
        return "visitor", one.visitor, str(sum(end < one.at for end in ends[one.visitor]))

    joined: dict[Node, Node] = {}

    def root(node: Node) -> Node:
        while (above := joined.get(node, node)) != node:
            node = above
        return node

    claimed = set()
    for one in messages:
        if one.user and one.visitor and stretch(one) not in claimed:
            claimed.add(stretch(one))
            joined[root(stretch(one))] = root(("user", one.user))
        if one.kind == "alias":
            joined[root(("user", one.previous))] = root(("user", one.user))
    owned = defaultdict(list)
    for one in messages:
        owned[root(("user", one.user) if one.user else stretch(one))].append(one)
    users = {name for one in messages for name in (one.user, one.previous) if name}
    return {user: owned[root(("user", user))] for user in users}


@dataclass
class Known:
    """A person at a moment. `register` has the attributes and parents of entities."""

    messages: list[Sent]
    register: dict[tuple[str, str], tuple[dict[str, Any], list[str]]]
    now: int
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        self.own = [one for one in self.messages if not one.bot]
        self.actions = [one for one in self.own if one.is_action]
        self.interactions = [one for one in self._since(30) if all(one.entity) and one.name in WEIGHTS]
        self.zone = ZoneInfo(self.trait("timezone") or self.timezone)

    def _since(self, days: int) -> list[Sent]:
        return [one for one in self.actions if one.at > self.now - days * DAY]

    def trait(self, name: str) -> Any:
        stated = [one.traits[name] for one in self.own if name in one.traits]
        return stated[-1] if stated else None

    def local(self, one: Sent) -> datetime:
        return datetime.fromtimestamp(one.at / 1000, UTC).astimezone(self.zone)

    def content_types(self) -> dict[str, float]:
        summed: dict[str, float] = defaultdict(float)
        for one in self.interactions:
            summed[one.entity[0]] += one.score
        return summed

    def says(self, one: Sent) -> Iterator[tuple[str, str]]:
        """Keys and values of an interaction."""
        yield "content_type", one.entity[0]
        yield "weekday", DAYS[self.local(one).weekday()]
        yield "hour", str(self.local(one).hour)
        yield from self.described(one.entity)

    def described(self, entity: tuple[str, str]) -> Iterator[tuple[str, str]]:
        """Keys and values that the register gives an entity."""
        attributes, parents = self.register.get(entity, ({}, []))
        for parent in parents:
            kind, _, name = parent.partition(":")
            yield kind, name
        for key, value in attributes.items():
            for each in value if isinstance(value, list) else [value]:
                band = next((label for limit, label in BANDS if each < limit), ">=200") if key == "price" else str(each)
                yield key, band

    def preferences(self) -> dict[tuple[str, str], tuple[float, float, list[Sent]]]:
        """Confidence, score and interactions of each key and value."""
        by: dict[tuple[str, str], list[Sent]] = defaultdict(list)
        with_key: dict[str, dict[str, Sent]] = defaultdict(dict)
        for one in self.interactions:
            for key, value in set(self.says(one)):
                by[key, value].append(one)
                with_key[key][one.id] = one

        def weight(ones: Iterable[Sent]) -> float:
            return sum(one.score * 0.5 ** ((self.now - one.at) / (14 * DAY)) for one in ones)

        wholes = {key: weight(ones.values()) for key, ones in with_key.items()}
        found = {}
        for (key, value), ones in by.items():
            own = weight(ones)
            found[key, value] = wilson(min(1.0, own / wholes[key]), wholes[key]), own, ones
        return found

    def week(self) -> list[list[int]]:
        counted = [[0] * 24 for _ in range(7)]
        for one in self._since(7):
            counted[self.local(one).weekday()][self.local(one).hour] += 1
        return counted

    def hours(self) -> list[tuple[int, int]]:
        """The three hours with most actions, the earlier one first of two alike."""
        totals = [(hour, sum(day[hour] for day in self.week())) for hour in range(24)]
        return sorted((one for one in totals if one[1]), key=lambda one: (-one[1], one[0]))[:3]

    def days(self) -> float | None:
        """Days since registration: the earliest of `createdAt`, a `Signed Up` event and the first event with a user."""
        stated = [datetime.fromisoformat(one.traits["createdAt"]) for one in self.own if "createdAt" in one.traits]
        named = [one.at for one in self.own if one.user or one.name == "Signed Up"]
        utc = [one if one.tzinfo else one.replace(tzinfo=UTC) for one in stated]
        since = min([round(one.timestamp() * 1000) for one in utc] + named, default=None)
        return None if since is None else (self.now - since) / DAY

    def stage(self) -> str:
        days, complete, done = self.days(), self.trait("profile_completeness"), len(self.actions)
        if days is not None and days < 1:
            return "new_user"
        if complete is not None and complete < 50:
            return "incomplete_profile"
        if done < 10:
            return "low_engagement"
        return "power_user" if days is not None and days > 30 and done > 100 else "active_user"

    def intent(self) -> str:
        newest = self.actions[-20:]
        views = [one.entity[0] for one in newest if one.name == "view"]
        if sum(one.name == "search" for one in newest) > 5:
            return "actively_searching"
        if sum(kind in ("seller", "profile") for kind in views) > 3:
            return "recruiting"
        return "researching" if sum(kind in ("product", "project") for kind in views) > 3 else "browsing"

    def suggestion(self, everybodys: list[Sent]) -> tuple[str, int | None] | None:
        """What is suggested to those who are not held out, and the number in it. The register is newer than all visits."""
        if not (action := SUGGESTED.get(self.stage())):
            new = self.new_products(everybodys)
            return ("explore_jobs", new) if new else None
        of_it = [one for one in self.own if one.entity == ("suggestion", action)]
        told = {
            name: [one.at for one in of_it if one.name == f"Suggestion {name}"]
            for name in ("Shown", "Dismissed", "Done")
        }
        rests = any(at > self.now - 30 * DAY for at in told["Dismissed"])
        often = sum(at > self.now - 30 * DAY for at in told["Shown"]) >= 10
        return None if told["Done"] or rests or often else (action, None)

    def new_products(self, everybodys: list[Sent]) -> int:
        """Products that nobody named before the end of the person's last visit, and that have something they like."""
        times = [self.now, *(one.at for one in reversed(self.actions))]
        since = next((earlier for later, earlier in pairwise(times) if later - earlier >= 1_800_000), 0)
        likes = {pair for pair, found in self.preferences().items() if found[0] >= 0.1 and pair[0] != "content_type"}
        named = {one.entity for one in everybodys if one.at < since}
        products = [entity for entity in self.register if entity[0] == "product" and entity not in named]
        return sum(any(pair in likes for pair in self.described(entity)) for entity in products) if since else 0


def wilson(share: float, n: float) -> float:
    """The lower bound of Wilson's score interval at 95 %."""
    z = 1.959964
    middle, spread = share + z * z / (2 * n), z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, (middle - spread) / (1 + z * z / n))
