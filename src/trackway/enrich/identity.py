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
from typing import TYPE_CHECKING, NamedTuple, Protocol
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt
import xxhash

from trackway.enrich.token_numbers import TokenNumbers
from trackway.event import Event, Millis

if TYPE_CHECKING:
    from trackway.enrich.columns import Columns

Rows = npt.NDArray[np.bool_]
Tokens = npt.NDArray[np.uint64]

Visitor = tuple[bytes, str]
FOREVER = 253_402_300_799_000
_MOST_REMEMBERED = 200_000
SIGN_OUTS = frozenset(
    f"{first}{joint}out" for first in ("signed", "sign", "logged", "log") for joint in (" ", "_", "-", "")
)


@lru_cache(maxsize=1_000)
def _name(project_id: bytes) -> str:
    return str(UUID(bytes=project_id))


@lru_cache(maxsize=100_000)
def visitor_token(project_id: bytes, visitor_id: str, since: Millis = 0) -> int:
    """Return the token of a visitor since a sign-out (0: since the beginning): XXH3 over project, visitor and time."""
    stretch = f"\0{since}" if since else ""
    return xxhash.xxh3_64_intdigest(f"{_name(project_id)} visitor {visitor_id}{stretch}".encode())


@lru_cache(maxsize=100_000)
def user_token(project_id: bytes, user_id: str) -> int:
    """Return the token of a user id."""
    return xxhash.xxh3_64_intdigest(f"{_name(project_id)} user {user_id}".encode())


def _is_sign_out(kind: str, name: str) -> bool:
    """Whether an event is a sign-out; it still belongs to the user who signs out."""
    return kind == "track" and name.lower() in SIGN_OUTS


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

    def assign(self, columns: Columns) -> Persons:
        """Set `identities` of a batch."""
        persons = Persons([], [], [], [], [])
        self._history.separate([])  # earlier batches are stored before the store answers
        visitors, users = columns.groups["visitor"], columns.groups["user"]
        kinds = columns.groups["kind"]
        aliases = columns.events(np.flatnonzero(kinds.holds(lambda kind: kind[0] == "alias")))
        leaving = columns.events(np.flatnonzero(kinds.holds(lambda kind: _is_sign_out(*kind))))
        has_user = users.holds(lambda user: bool(user[0]))
        if leaving or self._any:
            self._any = True
            previous = [(event.project_id, _previous(event)) for event in aliases]
            self._look_up([*(visitor for _, _, visitor in visitors.values), *previous])
            self._sign_out(leaving, persons)
        signed_out = visitors.holds(lambda visitor: bool(self._known.get(visitor[2]))) & self._any
        of_visitors = [visitor_token(*visitor) for _, _, visitor in visitors.values]
        of_users = [user_token(project_id, user_id) if user_id else 0 for user_id, project_id in users.values]
        tokens = np.where(
            has_user, np.array(of_users, np.uint64)[users.places], np.array(of_visitors, np.uint64)[visitors.places]
        )
        for row in np.flatnonzero(signed_out & ~has_user).tolist():
            visitor = visitors.values[visitors.places[row]][2]
            tokens[row] = self._token(visitor, int(columns.times[row]))
        claims = self._claims(columns, has_user, signed_out)
        for event in aliases:
            if event.user_id:
                self._alias(event, claims, persons)
        if len(self._claimed) > _MOST_REMEMBERED:
            self._claimed.clear()
        persons.claims.extend(claims.values())
        return self._numbered(columns, tokens, persons)

    def _claims(self, columns: Columns, has_user: Rows, signed_out: Rows) -> dict[tuple[int, int], Merge]:
        """Return the claims of users on visitors: of each pair, the first event after each sign-out."""
        visitors, users = columns.groups["visitor"], columns.groups["user"]
        named = visitors.holds(lambda visitor: not visitor[0].startswith("user:"))
        claims: dict[tuple[int, int], Merge] = {}
        rows = np.flatnonzero(has_user & named)
        pairs = visitors.places[rows].astype(np.int64) << 32 | users.places[rows]
        order = np.lexsort((columns.times[rows], pairs))
        first = np.ones(len(rows), np.bool_)
        first[1:] = pairs[order][1:] != pairs[order][:-1]
        for row in rows[order[first | signed_out[rows[order]]]].tolist():
            visitor, user = visitors.values[visitors.places[row]][2], users.values[users.places[row]]
            self._claim(visitor, user[0], int(columns.times[row]), claims)
        return claims

    def _numbered(self, columns: Columns, tokens: Tokens, persons: Persons) -> Persons:
        """Replace tokens by numbers in events and merges."""
        merges = (*persons.claims, *persons.aliases)
        distinct, places = np.unique(tokens, return_inverse=True)
        self._numbers.learn(
            {*distinct.tolist(), *(token for merge in merges for token in (merge.identity, merge.person))}
        )
        of = self._numbers.of
        columns.identities = np.array(list(map(of, distinct.tolist())), np.uint64)[places]
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

    def _token(self, visitor: Visitor, at: Millis) -> int:
        times = self._known.get(visitor)
        before = bisect_left(times, at) if times else 0
        return visitor_token(*visitor, times[before - 1] if times and before else 0)

    def _claim(self, visitor: Visitor, user_id: str, at: Millis, claims: dict[tuple[int, int], Merge]) -> None:
        project_id, visitor_id = visitor
        identity, person = self._token(visitor, at), user_token(project_id, user_id)
        key = (identity, person)
        if at < self._claimed.get(key, FOREVER):
            self._claimed[key] = at
            claims[key] = Merge(project_id, identity, person, visitor_id, user_id, at)

    def _alias(self, event: Event, claims: dict[tuple[int, int], Merge], persons: Persons) -> None:
        previous = _previous(event)
        if not previous or previous == event.user_id:
            return
        self._claim((event.project_id, previous), event.user_id, event.timestamp, claims)
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
