"""Persons: visitors and user ids joined to one human being, in any order of arrival.

The rule: An event that names a user belongs to that user. An event that names no user belongs to its visitor. From one
sign-out to the next, a visitor is the user who was first seen on it, and this includes the events before that user was
seen. So a user never takes over the events of another user who signs in on the same device. An alias joins two user
ids, or a visitor and a user, because a client said so.

Every event carries an `identity`: the number of a token that stands for its user, or for its visitor since the last
sign-out. It never changes, except when a sign-out arrives late. The person of an identity is kept beside the events
(`claims`, `aliases`), so a merge rewrites no events when it is made, changed or undone. See
docs/decisions/0005-persons.md.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from functools import lru_cache
from itertools import count
from typing import NamedTuple, Protocol
from uuid import UUID

import msgspec
import xxhash

from trackway.enrich.token_numbers import TokenNumbers
from trackway.event import Event, Millis

Visitor = tuple[bytes, str]
FOREVER = 253_402_300_799_000
_MOST_REMEMBERED = 200_000
SIGN_OUTS = frozenset(
    f"{first}{joint}out" for first in ("signed", "sign", "logged", "log") for joint in (" ", "_", "-", "")
)


@lru_cache(maxsize=100_000)
def visitor_token(project_id: bytes, visitor_id: str, since: Millis = 0) -> int:
    """Return the token of a visitor since a sign-out (0: since the beginning): XXH3 over project, visitor and time."""
    stretch = f"\0{since}" if since else ""
    return xxhash.xxh3_64_intdigest(f"{UUID(bytes=project_id)} visitor {visitor_id}{stretch}".encode())


@lru_cache(maxsize=100_000)
def user_token(project_id: bytes, user_id: str) -> int:
    """Return the token of a user id."""
    return xxhash.xxh3_64_intdigest(f"{UUID(bytes=project_id)} user {user_id}".encode())


def signs_out(event: Event) -> bool:
    """Whether an event is a sign-out; it still belongs to the user who signs out."""
    return event.type == "track" and event.name.lower() in SIGN_OUTS


class Merge(msgspec.Struct):
    """A merge of `identity` into `person` since `at`: a user's claim of a visitor, or an alias of two user ids."""

    project_id: bytes
    identity: int
    person: int
    from_id: str
    user_id: str
    at: Millis


class Separated(NamedTuple):
    """The stretch (since, until] in which a late sign-out gives a visitor's events without a user another identity."""

    visitor: Visitor
    since: Millis
    until: Millis
    token: int
    identity: int


class Persons(NamedTuple):
    """The findings of a batch about persons."""

    claims: list[Merge]
    aliases: list[Merge]
    sign_outs: list[tuple[bytes, str, Millis]]
    separated: list[Separated]
    identities: list[tuple[int, int]]


class History(Protocol):
    """The stored data about visitors."""

    def newest_number(self) -> int:
        """Return the highest number of any identity."""
        ...

    def numbers_of(self, tokens: list[int]) -> dict[int, int]:
        """Return the numbers of those tokens that are stored."""
        ...

    def any_sign_outs(self) -> bool:
        """Whether the store has any sign-out at all."""
        ...

    def sign_outs_of(self, visitors: list[Visitor]) -> dict[Visitor, list[Millis]]:
        """Return the times at which these visitors signed out, in order."""
        ...

    def last_seen(self, visitors: list[Visitor]) -> dict[Visitor, Millis]:
        """Return the time of each visitor's newest stored event or alias."""
        ...

    def users_of(self, separated: list[Separated]) -> dict[int, list[tuple[str, Millis]]]:
        """For each separated visitor (key: the new identity), return the user ids seen between `since` and `until`,
        with the first time of each.
        """
        ...

    def separate(self, separated: list[Separated]) -> None:
        """Show stored rows, from now on, as they will be once the batch that separates these visitors is applied."""
        ...


class Identities:
    """Gives events their identity and finds the merges that follow from them.

    Args:
        history: the store, read for visitors that are not remembered and when a sign-out is late.
        next_number: returns a number that no identity has; None counts on from the highest in the store.
    """

    def __init__(self, history: History, next_number: Callable[[], int] | None = None) -> None:
        self._history = history
        self._numbers = TokenNumbers(history.numbers_of, next_number or count(history.newest_number() + 1).__next__)
        self._any = history.any_sign_outs()
        self._known: dict[Visitor, list[Millis]] = {}
        self._claimed: dict[tuple[int, int], Millis] = {}

    def assign(self, events: list[Event]) -> Persons:
        """Set `identity` of each event, in place."""
        persons = Persons([], [], [], [], [])
        self._history.separate([])  # earlier batches are stored before the store answers
        leaving = [event for event in events if signs_out(event)]
        if leaving or self._any:
            self._any = True
            previous = [(event.project_id, _previous(event)) for event in events if event.type == "alias"]
            self._look_up([*((event.project_id, event.visitor_id) for event in events), *previous])
            self._sign_out(leaving, persons)
            for event in events:
                if not event.user_id:
                    event.identity = self._token(event.project_id, event.visitor_id, event.timestamp)
        claims: dict[tuple[int, int], Merge] = {}
        for event in events:
            if event.user_id:
                if not event.visitor_id.startswith("user:"):
                    self._claim(event, event.visitor_id, claims)
                if event.type == "alias":
                    self._alias(event, claims, persons)
        if len(self._claimed) > _MOST_REMEMBERED:
            self._claimed.clear()
        persons.claims.extend(claims.values())
        return self._numbered(events, persons)

    def _numbered(self, events: list[Event], persons: Persons) -> Persons:
        """Replace tokens by numbers in events and merges."""
        merges = (*persons.claims, *persons.aliases)
        tokens = {event.identity for event in events}
        self._numbers.learn(tokens.union(*((merge.identity, merge.person) for merge in merges)))
        of = self._numbers.of
        for event in events:
            event.identity = of(event.identity)
        for merge in merges:
            merge.identity, merge.person = of(merge.identity), of(merge.person)
        persons.identities.extend(self._numbers.fresh())
        return persons

    def _look_up(self, visitors: list[Visitor]) -> None:
        if len(self._known) > _MOST_REMEMBERED:
            self._known.clear()
        unknown = [visitor for visitor in dict.fromkeys(visitors) if visitor not in self._known]
        if unknown:
            signed_out = self._history.sign_outs_of(unknown)
            self._known.update((visitor, signed_out.get(visitor, [])) for visitor in unknown)

    def _token(self, project_id: bytes, visitor_id: str, at: Millis) -> int:
        times = self._known.get((project_id, visitor_id))
        before = bisect_left(times, at) if times else 0
        return visitor_token(project_id, visitor_id, times[before - 1] if times and before else 0)

    def _claim(self, event: Event, visitor_id: str, claims: dict[tuple[int, int], Merge]) -> None:
        identity = self._token(event.project_id, visitor_id, event.timestamp)
        person = user_token(event.project_id, event.user_id)
        key = (identity, person)
        if event.timestamp < self._claimed.get(key, FOREVER):
            self._claimed[key] = event.timestamp
            claims[key] = Merge(event.project_id, identity, person, visitor_id, event.user_id, event.timestamp)

    def _alias(self, event: Event, claims: dict[tuple[int, int], Merge], persons: Persons) -> None:
        previous = _previous(event)
        if not previous or previous == event.user_id:
            return
        self._claim(event, previous, claims)
        identity, person = user_token(event.project_id, previous), user_token(event.project_id, event.user_id)
        persons.aliases.append(Merge(event.project_id, identity, person, previous, event.user_id, event.timestamp))

    def _sign_out(self, leaving: list[Event], persons: Persons) -> None:
        new: list[tuple[Visitor, Millis]] = []
        for event in leaving:
            visitor = (event.project_id, event.visitor_id)
            times = self._known[visitor] = list(self._known[visitor])
            if event.timestamp not in times:
                insort(times, event.timestamp)
                new.append((visitor, event.timestamp))
        if not new:
            return
        persons.sign_outs.extend((project_id, visitor_id, at) for (project_id, visitor_id), at in new)
        last_seen = self._history.last_seen([visitor for visitor, _ in new])
        late = [(visitor, at) for visitor, at in sorted(new) if last_seen.get(visitor, 0) > at]
        if late:
            self._separate(late, persons)

    def _separate(self, late: list[tuple[Visitor, Millis]], persons: Persons) -> None:
        """Separate the stored events of visitors whose sign-outs arrived after them."""
        tokens = [visitor_token(*visitor, at) for visitor, at in late]
        self._numbers.learn(tokens)
        for (visitor, at), token in zip(late, tokens, strict=True):
            times = self._known[visitor]
            position = times.index(at)
            until = times[position + 1] if position + 1 < len(times) else FOREVER
            persons.separated.append(Separated(visitor, at, until, token, self._numbers.of(token)))
        users = self._history.users_of(persons.separated)
        self._history.separate(persons.separated)
        self._claimed.clear()
        for stretch in persons.separated:
            for user_id, first in users.get(stretch.identity, ()):
                person = user_token(stretch.visitor[0], user_id)
                persons.claims.append(
                    Merge(stretch.visitor[0], stretch.token, person, stretch.visitor[1], user_id, first)
                )


def _previous(event: Event) -> str:
    """Return the previous id of an alias; empty for other events."""
    if event.type != "alias":
        return ""
    return str(msgspec.json.decode(event.properties).get("previous_id") or "")
