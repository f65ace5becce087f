"""A message becomes an event: everything about it that the message and its request say by themselves.

Sessions need to know about other events; they are `trackway.enrich.session`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

import msgspec
import xxhash

from trackway.enrich import bot, url
from trackway.enrich.channel import traffic
from trackway.enrich.clock import corrected
from trackway.enrich.device import device
from trackway.event import Arrival, Event, Location, Message, friendly_name, uuid7

_name_of = lru_cache(maxsize=100_000)(friendly_name)
_json = msgspec.json.Encoder()
_NO_PROPERTIES = b"{}"
_NO_MONEY = Decimal(0)
_MOST_MONEY = Decimal(10) ** 13
_FEWEST_CENTS = Decimal("0.0001")


def message_key(project_id: bytes, message_id: str) -> bytes:
    """16 bytes (XXH3) that stand for a message id within its project."""
    return bytes(xxhash.xxh3_128_digest(project_id + message_id.encode()))


def enrich(message: Message, arrival: Arrival, key: bytes) -> Event:
    """The event of a message, without a session.

    Args:
        message: as the collector accepted it; ids are text and times milliseconds.
        arrival: the request it came in.
        key: its `message_key`, which becomes the random part of the event's id.
    """
    context: dict[str, Any] = message.context or {}
    properties = message.properties or message.traits or {}
    page = _dict(context.get("page"))
    timestamp = corrected(
        arrival.received_at,
        message.sent_at or arrival.sent_at,  # type: ignore[arg-type]
        message.original_timestamp or message.timestamp,  # type: ignore[arg-type]
    )
    is_page = message.type == "page"
    address = _text(page.get("url")) or (_text(properties.get("url")) if is_page else "")
    host, path, query = url.split(address) if address else ("", _text(page.get("path")), _text(page.get("search")))
    referrer = _text(page.get("referrer")) or (_text(properties.get("referrer")) if is_page else "")
    came = traffic(host, query, referrer)
    stated_agent = _text(context.get("userAgent"))
    agent = stated_agent or arrival.user_agent
    used = device(agent)
    own_address = context.get("ip")
    where = _location(context.get("location")) if own_address or "location" in context else arrival.location
    direct = arrival.browser and not stated_agent
    visitor_id = str(message.anonymous_id or f"user:{message.user_id}")
    money, currency = _money(properties) if message.type == "track" and properties else (_NO_MONEY, "")
    library = context.get("library")
    return Event(
        project_id=arrival.project_id,
        event_id=uuid7(timestamp, int.from_bytes(key) & ((1 << 74) - 1)),
        message_id=str(message.message_id),
        type=message.type,
        name=message.event or message.type if message.type == "track" else message.type,
        timestamp=timestamp,
        received_at=arrival.received_at,
        visitor_id=visitor_id,
        visitor_name=_name_of(visitor_id),
        user_id=str(message.user_id or ""),
        group_id=str(message.group_id or context.get("groupId") or ""),
        session_id=b"",
        host=host,
        path=path or (_text(message.name) if message.type == "screen" else ""),
        query=query.removeprefix("?"),
        title=_text(page.get("title")) or (_text(properties.get("title")) or _text(message.name) if is_page else ""),
        referrer=referrer,
        referrer_host=url.split(referrer).host if referrer else "",
        channel=came.channel,
        source=came.source,
        medium=came.medium,
        campaign=came.campaign,
        term=came.term,
        content=came.content,
        click_id=came.click_id,
        device=used.kind,
        browser=used.browser,
        browser_version=used.browser_version,
        system=used.system,
        system_version=used.system_version,
        country=where.country,
        region=where.region,
        city=where.city,
        language=_language(_text(context.get("locale")) or arrival.language),
        screen_width=_width(context.get("screen")),
        ip=own_address if isinstance(own_address, str) else arrival.ip,
        bot=bot.reason(agent, arrival.language, direct, where.datacenter),
        revenue=money,
        currency=currency,
        entity_type=_text(properties.get("entity_type")),
        entity_id=_text(properties.get("entity_id")),
        properties=_properties(message, properties),
        library=_text(library.get("name")) if isinstance(library, dict) else "",
    )


def session_hint(message: Message) -> str:
    """`context.sessionId` as text, or empty when the client sends none."""
    hint = message.context.get("sessionId") if message.context else None
    return hint[:255] if isinstance(hint, str) else str(hint) if isinstance(hint, int) else ""


def _properties(message: Message, properties: dict[str, Any]) -> bytes:
    if message.type in ("page", "screen") and (message.name or message.category):
        named = {"name": message.name, "category": message.category}
        properties = {**{key: value for key, value in named.items() if value}, **properties}
    elif message.type == "alias":
        properties = {**properties, "previous_id": str(message.previous_id)}
    return _json.encode(properties) if properties else _NO_PROPERTIES


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


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
    given = _dict(value)
    country = _text(given.get("country"))
    return Location(
        country.upper() if len(country) == 2 else "",
        _text(given.get("region")),
        _text(given.get("city")),
        given.get("datacenter") is True,
    )


_AMOUNTS: tuple[Callable[[dict[str, Any]], object], ...] = (
    lambda properties: properties.get("revenue"),
    lambda properties: properties.get("total") if "order_id" in properties or "orderId" in properties else None,
)


def _money(properties: dict[str, Any]) -> tuple[Decimal, str]:
    """`revenue` (or an order's `total`) and `currency`, as in Segment's e-commerce spec; 0 when there is none.

    Amounts that are not numbers, or are of more than 13 digits, count as none; the property itself is kept.
    """
    given = next((amount for find in _AMOUNTS if (amount := find(properties)) is not None), None)
    if given is None or isinstance(given, bool) or not isinstance(given, int | float | str):
        return _NO_MONEY, ""
    try:
        amount = Decimal(str(given).strip())
        if not amount.is_finite() or abs(amount) >= _MOST_MONEY:
            return _NO_MONEY, ""
    except InvalidOperation:
        return _NO_MONEY, ""
    currency = properties.get("currency")
    known = isinstance(currency, str) and len(currency) == 3 and currency.isascii() and currency.isalpha()
    return amount.quantize(_FEWEST_CENTS), str(currency).upper() if known else ""
