"""A batch of events by columns: what many messages share is enriched once for each distinct value.

Columns that depend on the same part of a message are a group, such as all columns of the page. A group has its distinct
values, and for each event the place of its value among them. An `Event` is made only where one is needed: for messages
that `trackway.enrich.ordinary_messages` leaves to `trackway.enrich.pipeline.enrich`, for orders, sign-outs and visitors
with late events. See docs/decisions/0023-columns.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from trackway.enrich.pipeline import Shown, Used
from trackway.event import Event

Numbers = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]

_TRAFFIC = ("channel", "source", "medium", "campaign", "term", "content")
GROUPS: dict[str, tuple[str, ...]] = {
    "session": ("session_id", *_TRAFFIC),
    "request": ("project_id", "received_at"),
    "kind": ("type", "name"),
    "visitor": ("visitor_id", "visitor_name", "visitor"),
    "user": ("user_id", "project_id"),
    "group": ("group_id",),
    "page": Shown._fields,
    "device": Used._fields,
    "place": ("country", "region", "city"),
    "language": ("language",),
    "timezone": ("timezone",),
    "address": ("ip",),
    "money": ("revenue", "currency"),
    "entity_type": ("entity_type",),
    "entity_id": ("entity_id",),
    "library": ("library",),
}
"""The columns of each group; of several groups with a column, the first has the say.

`visitor` is no column of the store: project and visitor id in one, as `trackway.enrich.identity.Visitor`.
"""
PLAIN = ("message_id", "properties")
"""Columns whose values differ in nearly every event."""


class Coded:
    """A group: its distinct values (tuples of its columns), and for each event the place of its value."""

    __slots__ = ("places", "values")

    def __init__(self, values: list[Any], places: Places) -> None:
        self.values, self.places = values, places

    @classmethod
    def of(cls, keys: Iterable[Hashable], meaning: Callable[[Any], Any]) -> Coded:
        """Return the group whose values follow from keys; `meaning` is called once for each distinct key."""
        known: defaultdict[Hashable, int] = defaultdict()
        known.default_factory = known.__len__  # a new key gets the next place
        places = np.fromiter(map(known.__getitem__, keys), np.int32)
        return cls(list(map(meaning, known)), places)

    def of_each(self, rows: npt.NDArray[Any] | slice = slice(None)) -> list[Any]:
        """Return the value of each of these events."""
        return list(map(self.values.__getitem__, self.places[rows].tolist()))

    def holds(self, test: Callable[[Any], bool]) -> npt.NDArray[np.bool_]:
        """Return for each event whether its value passes a test."""
        return np.fromiter(map(test, self.values), np.bool_, len(self.values))[self.places]


class Columns:
    """The events of a batch.

    Attributes:
        groups: by name, as in `GROUPS`; `session` is missing until the events have sessions.
        hints: the client's name for the session of each event (`pipeline.session_hint`).
        plain: the columns in `PLAIN`.
        keys: the `message_key` of each event.
        times: the timestamp of each event.
        ids: the ids of the events, 16 bytes each.
        identities: the number of each event's user or visitor, once it is known.
    """

    def __init__(
        self, groups: dict[str, Coded], hints: Coded, plain: dict[str, list[Any]], keys: list[bytes], times: Numbers
    ) -> None:
        self.groups, self.hints, self.plain, self.keys, self.times = groups, hints, plain, keys, times
        self.ids = _ids(times, keys)
        self.identities: npt.NDArray[np.uint64] = np.zeros(len(keys), np.uint64)

    def __len__(self) -> int:
        return len(self.keys)

    def column(self, name: str) -> tuple[Coded, int]:
        """Return the group of a column, and the position of the column in the group's values."""
        group = next(group for group, names in GROUPS.items() if name in names and group in self.groups)
        return self.groups[group], GROUPS[group].index(name)

    def events(self, rows: npt.NDArray[Any]) -> list[Event]:
        """Return some events as objects."""
        if not len(rows):
            return []
        found: dict[str, Any] = {"session_id": [b""] * len(rows)}
        for group in reversed([group for group in GROUPS if group in self.groups]):
            found |= zip(GROUPS[group], zip(*self.groups[group].of_each(rows), strict=True), strict=True)
        places = rows.tolist()
        found |= {name: [values[place] for place in places] for name, values in self.plain.items()}
        found["event_id"] = [self.ids[16 * place : 16 * place + 16] for place in places]
        found["timestamp"], found["identity"] = self.times[rows].tolist(), self.identities[rows].tolist()
        return list(map(Event, *(found[name] for name in Event.__struct_fields__)))


def _ids(times: Numbers, keys: list[bytes]) -> bytes:
    """Return the UUIDv7s that `uuid7(timestamp, key)` makes."""
    halves = np.frombuffer(b"".join(keys), ">u8").reshape(-1, 2).astype(np.uint64)
    ids = np.empty((len(keys), 2), ">u8")
    random = (halves[:, 0] & np.uint64(0x3FF)) << np.uint64(2) | halves[:, 1] >> np.uint64(62)
    ids[:, 0] = times.astype(np.uint64) << np.uint64(16) | np.uint64(0x7000) | random
    ids[:, 1] = np.uint64(0b10 << 62) | halves[:, 1] & np.uint64(0x3FFFFFFFFFFFFFFF)
    return ids.tobytes()


def of_events(events: Sequence[Event], hints: Sequence[str], keys: list[bytes]) -> Columns:
    """Return the columns of events that were made one by one, without their sessions."""
    groups = {
        group: Coded.of([tuple(_value(event, name) for name in names) for event in events], _MAKERS.get(group, tuple))
        for group, names in GROUPS.items()
        if group != "session"
    }
    plain = {name: [getattr(event, name) for event in events] for name in PLAIN}
    return Columns(groups, Coded.of(hints, str), plain, keys, np.array([event.timestamp for event in events], np.int64))


_MAKERS: dict[str, Callable[[Any], Any]] = {"page": Shown._make, "device": Used._make}


def _value(event: Event, name: str) -> Any:
    return (event.project_id, event.visitor_id) if name == "visitor" else getattr(event, name)


def merged(one: Columns, other: Columns, rows: npt.NDArray[Any]) -> Columns:
    """Return the events of two batches as one: `rows` are the places of those of `other` in it."""
    order = np.empty(len(one) + len(other), np.int64)
    is_other = np.zeros(len(order), np.bool_)
    is_other[rows] = True
    order[~is_other], order[is_other] = np.arange(len(one)), np.arange(len(one), len(order))

    def coded(first: Coded, second: Coded) -> Coded:
        values, known = list(first.values), {value: place for place, value in enumerate(first.values)}
        for value in second.values:
            if known.setdefault(value, len(values)) == len(values):
                values.append(value)
        moved = np.array(list(map(known.__getitem__, second.values)), np.int32)
        return Coded(values, np.concatenate([first.places, moved[second.places]])[order])

    def listed(first: list[Any], second: list[Any]) -> list[Any]:
        both = first + second
        return [both[place] for place in order.tolist()]

    return Columns(
        {name: coded(group, other.groups[name]) for name, group in one.groups.items()},
        coded(one.hints, other.hints),
        {name: listed(values, other.plain[name]) for name, values in one.plain.items()},
        listed(one.keys, other.keys),
        np.concatenate([one.times, other.times])[order],
    )
