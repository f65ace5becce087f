"""The enrichment pipeline: a message becomes an event, from the message and its request alone.

Sessions depend on other events; they are added by `trackway.enrich.sessionizer`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import xxhash

from trackway.enrich import bot, sources, url
from trackway.enrich.channel import Traffic, traffic
from trackway.enrich.clock import corrected
from trackway.enrich.device import Device, device, in_use
from trackway.enrich.identity import user_token, visitor_token
from trackway.enrich.money import NOTHING
from trackway.enrich.orders import revenue_of
from trackway.event import Arrival, Event, Location, Message, friendly_name, uuid7

_name_of = lru_cache(maxsize=100_000)(friendly_name)
_json = msgspec.json.Encoder()
_NO_PROPERTIES = b"{}"
_NOTHING: dict[str, Any] = {}
_RANDOM = (1 << 74) - 1


def message_key(project_id: bytes, message_id: str) -> bytes:
    """Return 16 bytes (XXH3) that stand for a message id within its project."""
    return bytes(xxhash.xxh3_128_digest(project_id + message_id.encode()))


def enrich(message: Message, arrival: Arrival, key: bytes) -> Event:
    """Return the event of a message, without a session.

    Args:
        message: as the collector accepted it; ids are text and times milliseconds.
        arrival: the request it came in.
        key: its `message_key`, which becomes the random part of the event's id.
    """
    context: dict[str, Any] = message.context or {}
    properties = message.properties or message.traits or {}
    kind = message.type
    timestamp = corrected(
        arrival.received_at,
        message.sent_at or arrival.sent_at,  # type: ignore[arg-type]
        message.original_timestamp or message.timestamp,  # type: ignore[arg-type]
    )
    page = _page_of(context.get("page"), properties if kind == "page" else None)
    stated_agent = _text(context.get("userAgent"))
    own_address = context.get("ip")
    located = own_address is not None or "location" in context
    location = _location(context.get("location")) if located else arrival.location
    agent = _agent(
        stated_agent or arrival.user_agent,
        # An explicitly empty user agent (an access log's "-") is as suspicious as a missing one.
        (arrival.browser and not stated_agent) or context.get("userAgent") == "",
        location.datacenter,
    )
    used = agent.used if "screen" not in context and "userAgentData" not in context else _in_use(agent, context)
    user_id = str(message.user_id or "")
    visitor_id = str(message.anonymous_id or f"user:{user_id}")
    money, currency = revenue_of(message.event or "", properties) if kind == "track" and properties else (NOTHING, "")
    library = context.get("library")
    # Positional, in the order of Event's fields: with keywords, this function takes a third more time (10.3 µs an event
    # instead of 7.5). `test_every_column_of_an_event_has_its_own_value` in tests/enrich/test_enrich.py holds the order.
    return Event(
        arrival.project_id, uuid7(timestamp, int.from_bytes(key) & _RANDOM), str(message.message_id),
        kind, message.event or kind if kind == "track" else kind, timestamp, arrival.received_at,
        visitor_id, _name_of(visitor_id), user_id, str(message.group_id or context.get("groupId") or ""), b"",
        page.host, page.path or (_text(message.name) if kind == "screen" else ""), page.query,
        _title(message, context, properties), page.referrer, page.referrer_host, *page.traffic,
        *used,
        location.country, location.region, location.city, _language(_text(context.get("locale")) or arrival.language),
        _width(context.get("screen")) if "screen" in context else 0,
        own_address if isinstance(own_address, str) else arrival.ip, agent.bot,
        money, currency,
        _text(properties.get("entity_type")), _text(properties.get("entity_id")), _properties(message, properties),
        _text(library.get("name")) if isinstance(library, dict) else "",
        user_token(arrival.project_id, user_id) if user_id else visitor_token(arrival.project_id, visitor_id),
    )  # fmt: skip


class _Page(NamedTuple):
    host: str
    path: str
    query: str
    referrer: str
    referrer_host: str
    traffic: Traffic


def _page_of(page: object, properties: dict[str, Any] | None) -> _Page:
    """Return the page of a message: from `context.page`, for page messages also from `properties`.

    With `hash` "on", which the browser SDK sends if configured so, the fragment after `#` is part of the path.
    """
    stated = page if isinstance(page, dict) else _NOTHING
    of_properties = properties or _NOTHING
    address = stated.get("url") or of_properties.get("url")
    referrer = _text(stated.get("referrer") or of_properties.get("referrer"))
    if address:
        return _page(_text(address), referrer, stated.get("hash") == "on")
    return _page_of_parts(_text(stated.get("path")), _text(stated.get("search")).removeprefix("?"), referrer)


@lru_cache(maxsize=50_000)
def _page(address: str, referrer: str, routed: bool) -> _Page:
    host, path, query = url.split(address)
    if routed:
        path += url.route(address)
    return _Page(host, path, query, referrer, url.split(referrer).host, traffic(host, query, referrer))


@lru_cache(maxsize=5_000)
def _page_of_parts(path: str, query: str, referrer: str) -> _Page:
    return _Page("", url.readable(path), query, referrer, url.split(referrer).host, traffic("", query, referrer))


def adjust_sources(passing: list[str], internal: list[str]) -> None:
    """Set the hosts that are not sources (`sources.adjust`), before anything is enriched."""
    sources.adjust(passing, internal)
    for cached in (traffic, _page, _page_of_parts):
        cached.cache_clear()


class _Agent(NamedTuple):
    used: tuple[str, str, str, str, str]
    bot: str


@lru_cache(maxsize=50_000)
def _agent(user_agent: str, direct: bool, datacenter: bool) -> _Agent:
    return _Agent(device(user_agent)[:5], bot.reason(user_agent, direct, datacenter))


def _in_use(agent: _Agent, context: dict[str, Any]) -> tuple[str, str, str, str, str]:
    screen, hints = context.get("screen"), context.get("userAgentData")
    touch = screen.get("maxTouchPoints") if isinstance(screen, dict) else 0
    if not hints and not touch:
        return agent.used
    points = touch if isinstance(touch, int) else 0
    return in_use(Device(*agent.used, False), points, hints if isinstance(hints, dict) else _NOTHING)[:5]


def _title(message: Message, context: dict[str, Any], properties: dict[str, Any]) -> str:
    page = context.get("page")
    title = _text(page.get("title")) if isinstance(page, dict) else ""
    return title or (_text(properties.get("title")) or _text(message.name) if message.type == "page" else "")


NO_SESSION = "\0"
"""The hint of a message that belongs to no session."""


def session_hint(message: Message) -> str:
    """Return `context.sessionId` as text, or empty when the client sends none; `NO_SESSION` when it is `false`.

    Reports of databases and payment providers have `false`: no visitor was present.
    """
    hint = message.context.get("sessionId") if message.context else None
    if hint is False:
        return NO_SESSION
    return hint[:255] if isinstance(hint, str) else str(hint) if isinstance(hint, int) else ""


def _properties(message: Message, properties: dict[str, Any]) -> bytes:
    if message.type in ("page", "screen") and (message.name or message.category):
        named = {"name": message.name, "category": message.category}
        properties = {**{key: value for key, value in named.items() if value}, **properties}
    elif message.type == "alias":
        properties = {**properties, "previous_id": str(message.previous_id)}
    if not properties:
        return _NO_PROPERTIES
    encoded = _json.encode(properties)
    return _json.encode(_flat(properties)) if _DOTTED_KEY.search(encoded) else encoded


# Matches a key with a dot in the JSON text: only a key ends in `":`, and a quote within it is escaped.
_DOTTED_KEY = re.compile(rb'\.(?:[^"\\]|\\.)*+":')


def _flat(value: object) -> object:
    """Return an object as a map of whole paths; of paths that clash, the first is kept.

    `{"a.b": 1, "a": {"b": 2}}` → `{"a.b": 1}`. A JSON column reads a dot in a key as a step of the path, and refuses a
    path that comes twice.
    """
    if isinstance(value, list):
        return [_flat(item) for item in value]
    if not isinstance(value, dict):
        return value
    flat: dict[str, object] = {}
    for key, inner in value.items():
        name = ".".join(step for step in key.split(".") if step) or "_"
        flattened = _flat(inner)
        if isinstance(flattened, dict):
            for path, leaf in flattened.items():
                flat.setdefault(f"{name}.{path}", leaf)
        else:
            flat.setdefault(name, flattened)
    return flat


def _text(value: object) -> str:
    if isinstance(value, str):
        return value[:2048]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


@lru_cache(maxsize=2_000)
def _language(value: str) -> str:
    return value.partition(",")[0].partition(";")[0].strip()[:20]


def _width(screen: object) -> int:
    width = screen.get("width") if isinstance(screen, dict) else 0
    return int(width) if isinstance(width, int | float) and 0 <= width <= 65_535 else 0


def _location(value: object) -> Location:
    stated = value if isinstance(value, dict) else _NOTHING
    country = _text(stated.get("country"))
    return Location(
        country.upper() if len(country) == 2 and country.isascii() else "",
        _text(stated.get("region")),
        _text(stated.get("city")),
        stated.get("datacenter") is True,
    )
