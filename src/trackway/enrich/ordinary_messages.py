"""Enrichment of messages in the usual form, all at once.

The rules are those of `trackway.enrich.pipeline`. Here each is applied to the distinct values of its part of the
messages, and the result joined to the messages that have the value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from trackway.enrich import pipeline
from trackway.enrich.columns import Coded, Columns, Numbers, Places
from trackway.enrich.money import NOTHING
from trackway.enrich.orders import revenue_of
from trackway.enrich.pipeline import Shown, Used
from trackway.event import MOST_AHEAD, UNREADABLE, Arrival, Location, Message, Packed
from trackway.storable import EARLIEST, LARGEST_AMOUNT, NEWEST

Arrived = tuple[Message | Packed, Arrival, bytes]
"""A message, the request that it came in, and its `message_key`."""


class _Location(msgspec.Struct, frozen=True, gc=False):
    country: str | None = None
    region: str | None = None
    city: str | None = None
    datacenter: bool | None = None


class _Screen(msgspec.Struct, rename="camel", frozen=True, gc=False):
    width: int | float | None = None
    max_touch_points: int | None = None


class _Library(msgspec.Struct, frozen=True, gc=False):
    name: str | None = None


class _Context(msgspec.Struct, rename="camel", gc=False):
    """The parts of a context that are read here, in their usual types; those that are compared whole stay encoded."""

    page: msgspec.Raw = msgspec.Raw()
    user_agent: str | None = None
    ip: str | None = None
    location: _Location | msgspec.UnsetType | None = msgspec.UNSET
    locale: str | None = None
    timezone: str | None = None
    screen: _Screen = _Screen()
    user_agent_data: msgspec.Raw = msgspec.Raw()
    library: _Library = _Library()
    group_id: str | None = None
    session_id: str | bool | int | None = None


_contexts = msgspec.msgpack.Decoder(_Context)
_NOTHING: dict[str, Any] = {}
_NOBODY = ("", b"")
_NONE_STATED = (None, None, None, None)
_NONE = -(2**62)


def ordinary(items: Sequence[Arrived], special: set[int]) -> tuple[Columns | None, list[int]]:
    """Return the columns of messages in the usual form, and the places of the others, which `enrich` takes one by one.

    The usual form is that of the types in `Packed` and `_Context`, with times and amounts that the store can hold.

    Args:
        special: the places of messages that are not taken whatever their form.
    """
    odd = special | {place for place, item in enumerate(items) if not isinstance(item[0], Packed)}
    while len(odd) < len(items):
        at = [place for place in range(len(items)) if place not in odd] if odd else list(range(len(items)))
        columns = _columns([items[place] for place in at])
        if isinstance(columns, Columns):
            return columns, sorted(odd)
        odd |= {at[place] for place in columns}
    return None, sorted(odd)


def _columns(items: list[Arrived]) -> Columns | set[int]:
    """Return the columns of messages, or the places of some that are not in the usual form."""
    messages: list[Any] = [message for message, _, _ in items]
    arrivals = [arrival for _, arrival, _ in items]
    by_id = {id(arrival): arrival for arrival in arrivals}
    # An origin is a context in a request; the messages of one page or one device share it.
    origins = Coded.of(
        ((bytes(message.context), id(arrival)) for message, arrival, _ in items),  # type: ignore[arg-type]
        lambda key: (_context(key[0]), by_id[key[1]]),
    )
    times, refused = _times(messages, arrivals)
    properties = [message.properties or message.traits or _NOTHING for message in messages]
    money, too_much = _money(messages, properties)
    refused |= too_much | set(np.flatnonzero(origins.holds(lambda origin: origin[0] is None)).tolist())
    if refused:
        return refused
    both: list[tuple[_Context, Arrival]] = origins.values
    pages, refused = _pages(messages, [bytes(context.page) for context, _ in both], origins.places)
    if refused:
        return refused

    def of_origin(keys: Iterable[Any], meaning: Callable[[Any], Any]) -> Coded:
        coded = Coded.of(keys, meaning)
        return Coded(coded.values, coded.places[origins.places])

    locations = Coded.of((_location_key(context, arrival) for context, arrival in both), _located)
    devices = (
        (
            context.user_agent, arrival.user_agent, arrival.browser, location.datacenter, context.screen.width,
            context.screen.max_touch_points, bytes(context.user_agent_data),
        )
        for (context, arrival), location in zip(both, locations.of_each(), strict=True)
    )  # fmt: skip
    requests = ((arrival.project_id, arrival.received_at) for _, arrival in both)
    groups = {
        "request": of_origin(requests, tuple),
        "kind": Coded.of(
            ((message.event if message.type == "track" else None) or (message.type,) for message in messages),
            lambda key: ("track", key) if isinstance(key, str) else (key[0], key[0]),
        ),
        "visitor": Coded.of(
            (
                (arrival.project_id, message.anonymous_id or f"user:{message.user_id or ''}")
                for message, arrival in zip(messages, arrivals, strict=True)
            ),
            lambda key: (key[1], pipeline.name_of(key[1]), key),
        ),
        "user": Coded.of(
            (
                (message.user_id, arrival.project_id) if message.user_id else _NOBODY
                for message, arrival in zip(messages, arrivals, strict=True)
            ),
            tuple,
        ),
        "group": _groups(messages, origins),
        "page": Coded.of(pages, _shown),
        "device": of_origin(devices, _used),
        "place": Coded([location[:3] for location in locations.values], locations.places[origins.places]),
        "language": of_origin([context.locale or arrival.language for context, arrival in both], _language),
        "timezone": of_origin([context.timezone for context, _ in both], _timezone),
        "address": of_origin([arrival.ip if context.ip is None else context.ip for context, arrival in both], _alone),
        "money": money,
        "entity_type": _texts([one.get("entity_type") for one in properties]),
        "entity_id": _texts([one.get("entity_id") for one in properties]),
        "library": of_origin([context.library.name for context, _ in both], _text),
    }
    plain: dict[str, list[Any]] = {
        "message_id": [message.message_id for message in messages],
        "properties": [
            pipeline.encoded(of_event) if message.type == "track" else pipeline.as_json(message, of_event)
            for message, of_event in zip(messages, properties, strict=True)
        ],
    }
    hints = of_origin([_hint(context.session_id) for context, _ in both], str)
    return Columns(groups, hints, plain, [key for _, _, key in items], times)


def _context(context: bytes) -> _Context | None:
    """Return a context; None when it is not in the usual form."""
    try:
        return _contexts.decode(context)
    except UNREADABLE:
        return None


def _times(messages: list[Any], arrivals: list[Arrival]) -> tuple[Numbers, set[int]]:
    """Return the timestamps (`trackway.enrich.clock.corrected`), and the places of those that no column holds."""
    received, sent, original = [arrival.received_at for arrival in arrivals], [], []
    for message, arrival in zip(messages, arrivals, strict=True):
        at, stated = message.sent_at or arrival.sent_at, message.original_timestamp or message.timestamp
        sent.append(_NONE if at is None else at)
        original.append(_NONE if stated is None else stated)
    arrived, left, happened = (np.array(values, np.int64) for values in (received, sent, original))
    far = (arrived < EARLIEST) | (arrived > NEWEST) | _is_far(left) | _is_far(happened)
    times = np.where(left == _NONE, happened, arrived - (left - happened))
    times = np.where((happened == _NONE) | (times < EARLIEST) | (times > arrived + MOST_AHEAD), arrived, times)
    return times, set(np.flatnonzero(far | (times > NEWEST)).tolist())


def _is_far(times: Numbers) -> npt.NDArray[np.bool_]:
    """Return which times are so far away that nothing can be reckoned with them."""
    far: npt.NDArray[np.bool_] = ((times > NEWEST) | (times < -NEWEST)) & (times != _NONE)
    return far


def _money(messages: list[Any], properties: list[dict[str, Any]]) -> tuple[Coded, set[int]]:
    """Return the amounts, which few events have, and the places of those that are too large for the store."""
    values: list[Any] = [(NOTHING, "")]
    places, refused = np.zeros(len(messages), np.int32), set()
    for place, of_event in enumerate(properties):
        if ("revenue" in of_event or "total" in of_event) and messages[place].type == "track":
            amount = revenue_of(messages[place].event or "", of_event)
            if abs(amount[0]) > LARGEST_AMOUNT:
                refused.add(place)
            places[place] = len(values)
            values.append(amount)
    return Coded(values, places), refused


def _pages(messages: list[Any], of_origins: list[bytes], origins: Places) -> tuple[list[Any], set[int]]:
    """Return the keys of the messages' pages, and the places of messages whose properties state no text as such.

    Pages and screens may have a name, and pages may state in their properties what `context.page` lacks.
    """
    keys: list[Any] = list(map(of_origins.__getitem__, origins.tolist()))
    refused = set()
    for place, message in enumerate(messages):
        if message.type in ("page", "screen"):
            of_page = (message.properties or message.traits or _NOTHING) if message.type == "page" else _NOTHING
            stated = (message.name, of_page.get("url"), of_page.get("referrer"), of_page.get("title"))
            if stated != _NONE_STATED:
                keys[place] = (keys[place], message.type, *stated)
                if not all(value is None or type(value) is str for value in stated):
                    refused.add(place)
    return keys, refused


def _shown(key: bytes | tuple[Any, ...]) -> Shown:
    return pipeline.shown_by(*key) if isinstance(key, tuple) else pipeline.shown_by(key)


@lru_cache(maxsize=50_000)
def _used(key: tuple[Any, ...]) -> Used:
    stated, of_request, browser, datacenter, width, touch, hints = key
    agent, screen = pipeline.text(stated), {"width": width, "maxTouchPoints": touch}
    direct = (browser and not agent) or stated == ""
    return pipeline.used(
        agent or of_request, direct, datacenter, screen, msgspec.msgpack.decode(hints) if hints else None
    )


def _location_key(context: _Context, arrival: Arrival) -> tuple[Any, ...]:
    """Return the location of the request, or that which the context states, with a mark."""
    stated = context.location
    if stated is msgspec.UNSET:
        return arrival.location if context.ip is None else (None,)
    if stated is None:
        return (None,)
    return (None, stated.country, stated.region, stated.city, stated.datacenter)


def _located(key: tuple[Any, ...]) -> Location:
    if key[0] is not None:
        return Location(*key)
    return pipeline.place(dict(zip(("country", "region", "city", "datacenter"), key[1:], strict=False)))


def _groups(messages: list[Any], origins: Coded) -> Coded:
    return Coded.of(
        (
            message.group_id or context.group_id or ""
            for message, (context, _) in zip(messages, origins.of_each(), strict=True)
        ),
        _alone,
    )


def _texts(values: list[Any]) -> Coded:
    """Return the group of a property as text."""
    if not set(map(type, values)) <= {str, type(None)}:  # equal values of other types may have different texts
        values = list(map(pipeline.text, values))
    return Coded.of(values, _text)


def _text(value: str | None) -> tuple[str]:
    return (pipeline.text(value),)


def _language(value: str) -> tuple[str]:
    return (pipeline.language(pipeline.text(value)),)


def _timezone(value: str | None) -> tuple[str]:
    return (pipeline.timezone(pipeline.text(value)),)


def _alone(value: str) -> tuple[str]:
    return (value,)


def _hint(stated: str | int | None) -> str:
    return "" if stated is None else pipeline.hint_of(stated)
