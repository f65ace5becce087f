"""The enrichment pipeline: a message becomes an event, from the message and its request alone.

Sessions depend on other events; they are added by `trackway.enrich.sessionizer`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import xxhash

from trackway.enrich import bot, sources
from trackway.enrich.channel import Traffic, channel, traffic
from trackway.enrich.clock import corrected
from trackway.enrich.device import Device, device, in_use
from trackway.enrich.identity import user_token, visitor_token
from trackway.enrich.money import NOTHING
from trackway.enrich.orders import revenue_of
from trackway.enrich.url import readable, route, split
from trackway.event import Arrival, Event, Location, Message, Packed, friendly_name, uuid7

name_of = lru_cache(maxsize=100_000)(friendly_name)
_json = msgspec.json.Encoder()
_NO_PROPERTIES = b"{}"
_NOTHING: dict[str, Any] = {}
_RANDOM = (1 << 74) - 1
_TIMEZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")


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
    own_address, stated_agent = context.get("ip"), context.get("userAgent")
    location = place(context.get("location")) if own_address is not None or "location" in context else arrival.location
    page = shown(kind, message.name, context.get("page"), properties)
    agent = used(
        text(stated_agent) or arrival.user_agent,
        # An explicitly empty user agent (an access log's "-") is as suspicious as a missing one.
        (arrival.browser and not text(stated_agent)) or stated_agent == "",
        location.datacenter,
        context.get("screen"),
        context.get("userAgentData"),
    )
    user_id = str(message.user_id or "")
    visitor_id = str(message.anonymous_id or f"user:{user_id}")
    money, currency = revenue_of(message.event or "", properties) if kind == "track" and properties else (NOTHING, "")
    # Positional, in the order of Event's fields. `test_every_column_of_an_event_has_its_own_value` in
    # tests/enrich/test_enrich.py holds the order.
    return Event(
        arrival.project_id, uuid7(timestamp, int.from_bytes(key) & _RANDOM), str(message.message_id),
        kind, message.event or kind if kind == "track" else kind, timestamp, arrival.received_at,
        visitor_id, name_of(visitor_id), user_id, str(message.group_id or context.get("groupId") or ""), b"",
        *page,
        *agent[:5],
        location.country, location.region, location.city,
        language(text(context.get("locale")) or text(arrival.language)),
        timezone(text(context.get("timezone"))),
        agent.screen_width,
        own_address if isinstance(own_address, str) else arrival.ip, agent.bot,
        money, currency,
        text(properties.get("entity_type")), text(properties.get("entity_id")), as_json(message, properties),
        library(context.get("library")),
        user_token(arrival.project_id, user_id) if user_id else visitor_token(arrival.project_id, visitor_id),
    )  # fmt: skip


class Shown(NamedTuple):
    """The page of a message, its title, and the traffic source of the page."""

    host: str
    path: str
    query: str
    title: str
    referrer: str
    referrer_host: str
    channel: str
    source: str
    medium: str
    campaign: str
    term: str
    content: str
    click_id: str


def shown(kind: str, name: str | None, page: object, properties: dict[str, Any]) -> Shown:
    """Return the page of a message, from its name, `context.page`, and for page messages also its properties.

    With `hash` "on", which the browser SDK sends if configured so, the fragment after `#` is part of the path.
    """
    stated = page if isinstance(page, dict) else _NOTHING
    of_properties = properties if kind == "page" else _NOTHING
    address = stated.get("url") or of_properties.get("url")
    referrer = text(stated.get("referrer") or of_properties.get("referrer"))
    if address:
        found = _page(text(address), referrer, stated.get("hash") == "on")
    else:
        found = _page_of_parts(text(stated.get("path")), text(stated.get("search")).removeprefix("?"), referrer)
    path = found.path or (text(name) if kind == "screen" else "")
    title = text(stated.get("title")) or (text(of_properties.get("title")) or text(name) if kind == "page" else "")
    return Shown(found.host, path, found.query, title, found.referrer, found.referrer_host, *found.traffic)


class Used(NamedTuple):
    """The visitor's device, and why it is a bot's, or empty."""

    device: str
    browser: str
    browser_version: str
    system: str
    system_version: str
    screen_width: int
    bot: str


def used(user_agent: str, direct: bool, datacenter: bool, screen: object, hints: object) -> Used:
    """Return the device that a message comes from.

    Args:
        direct: whether the visitor's own browser made the request (`bot.reason`).
        datacenter: whether it came from a range of servers.
        screen: `context.screen`.
        hints: `context.userAgentData`.
    """
    agent = _agent(user_agent, direct, datacenter)
    touch = screen.get("maxTouchPoints") if isinstance(screen, dict) else 0
    found = agent.used
    if hints or touch:
        points = touch if isinstance(touch, int) else 0
        found = in_use(Device(*found, False), points, hints if isinstance(hints, dict) else _NOTHING)[:5]
    return Used(*found, _width(screen), agent.bot)


class _Page(NamedTuple):
    host: str
    path: str
    query: str
    referrer: str
    referrer_host: str
    traffic: Traffic


def _page(address: str, referrer: str, routed: bool) -> _Page:
    host, path, query = split(address)
    if routed:
        path += route(address)
    return _Page(host, path, query, referrer, split(referrer).host, traffic(host, query, referrer))


def _page_of_parts(path: str, query: str, referrer: str) -> _Page:
    return _Page("", readable(path), query, referrer, split(referrer).host, traffic("", query, referrer))


@lru_cache(maxsize=50_000)
def shown_by(
    page: bytes,
    kind: str = "",
    name: str | None = None,
    url: str | None = None,
    referrer: str | None = None,
    title: str | None = None,
) -> Shown:
    """Return the page of a message, from `context.page` in MessagePack and three of the message's properties."""
    stated = msgspec.msgpack.decode(page) if page else None
    return shown(kind, name, stated, {"url": url, "referrer": referrer, "title": title})


def adjust_sources(passing: list[str], internal: list[str]) -> None:
    """Set the hosts that are not sources (`sources.adjust`), before anything is enriched."""
    sources.adjust(passing, internal)
    channel.cache_clear()
    traffic.cache_clear()
    shown_by.cache_clear()


class _Agent(NamedTuple):
    used: tuple[str, str, str, str, str]
    bot: str


@lru_cache(maxsize=50_000)
def _agent(user_agent: str, direct: bool, datacenter: bool) -> _Agent:
    return _Agent(device(user_agent)[:5], bot.reason(user_agent, direct, datacenter))


NO_SESSION = "\0"
"""The hint of a message that belongs to no session."""


def session_hint(message: Message) -> str:
    """Return `context.sessionId` as text, or empty when the client sends none; `NO_SESSION` when it is `false`.

    Reports of databases and payment providers have `false`: no visitor was present.
    """
    return hint_of(message.context.get("sessionId") if message.context else None)


def hint_of(stated: object) -> str:
    """Return `context.sessionId` as a hint."""
    if stated is False:
        return NO_SESSION
    return stated[:255] if isinstance(stated, str) else str(stated) if isinstance(stated, int) else ""


def as_json(message: Message | Packed, properties: dict[str, Any]) -> bytes:
    """Return the properties, or traits, of a message as the store keeps them."""
    if message.type in ("page", "screen") and (message.name or message.category):
        named = {"name": message.name, "category": message.category}
        properties = {**{key: value for key, value in named.items() if value}, **properties}
    elif message.type == "alias":
        properties = {**properties, "previous_id": str(message.previous_id)}
    return encoded(properties)


def encoded(properties: dict[str, Any]) -> bytes:
    """Return properties as JSON, whose keys have no dots."""
    if not properties:
        return _NO_PROPERTIES
    text = _json.encode(properties)
    return _json.encode(_flat(properties)) if b"." in text and _DOTTED_KEY.search(text) else text


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


def text(value: object) -> str:
    """Return a text, cut to 2,048 characters, or a whole number as text; empty for anything else."""
    if isinstance(value, str):
        return value[:2048]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


@lru_cache(maxsize=2_000)
def language(value: str) -> str:
    """Return the first language of a locale or an Accept-Language header."""
    return value.partition(",")[0].partition(";")[0].strip()[:20]


@lru_cache(maxsize=2_000)
def timezone(value: str) -> str:
    """Return the name of a time zone as a client sent it; empty if it does not look like one."""
    return value if len(value) <= 40 and _TIMEZONE.fullmatch(value) else ""


def _width(screen: object) -> int:
    width = screen.get("width") if isinstance(screen, dict) else 0
    return int(width) if isinstance(width, int | float) and 0 <= width <= 65_535 else 0


def place(value: object) -> Location:
    """Return the location in `context.location`."""
    stated = value if isinstance(value, dict) else _NOTHING
    country = text(stated.get("country"))
    return Location(
        country.upper() if len(country) == 2 and country.isascii() else "",
        text(stated.get("region")),
        text(stated.get("city")),
        stated.get("datacenter") is True,
    )


def library(value: object) -> str:
    """Return the name in `context.library`."""
    return text(value.get("name")) if isinstance(value, dict) else ""
