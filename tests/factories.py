"""Messages as people, shops and pages send them. A test names what it is about; the rest has values that change nothing."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

from trackway.event import Message

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
PERSON_AT_A_BROWSER = {"userAgent": FIREFOX, "ip": "x"}
"""The context of a message that no rule takes for a bot's."""
_numbers = itertools.count()


def message(
    event: str = "",
    at: datetime | int | None = None,
    visitor: str = "",
    user: str = "",
    *,
    id: str = "",  # noqa: A002
    url: str = "",
    type: str = "",  # noqa: A002
    context: dict[str, Any] | None = None,
    **fields: Any,
) -> Message:
    """A `track` of an event, or a `page` without one.

    Args:
        at: the timestamp, a time or milliseconds since 1970; without it, the message has none.
        id: the message id; without it, one that no other message has.
        url: the address of the page, part of the context.
    """
    if url:
        context = {**(context or {}), "page": {"url": url}}
    return Message(
        type=type or ("track" if event else "page"), event=event or None, message_id=id or f"message-{next(_numbers)}",
        anonymous_id=visitor or None, user_id=user or None, context=context,
        timestamp=int(at.timestamp() * 1000) if isinstance(at, datetime) else at, **fields,
    )  # fmt: skip


def order(
    order_id: str,
    revenue: float | str,
    at: datetime | int | None = None,
    visitor: str = "",
    user: str = "",
    *,
    currency: str = "USD",
    event: str = "Order Completed",
    **fields: Any,
) -> Message:
    """An order as a shop sends it, with `context={"sessionId": False}` from its server."""
    properties = {"order_id": order_id, "revenue": revenue, "currency": currency}
    return message(event, at, visitor, user, properties=properties, **fields)
