"""Orders and bookings: messages about an order are folded into its state, in any order of arrival.

The rule:
An order is counted once, by its id, however many messages it has. It counts from the time of the first message that
completed it, unless it was cancelled and no newer message states it. Its value is the amount of the newest statement
less refunds; refunds are the sum of refund messages or the stated refund, whichever is more. It belongs to the user in
the newest message that names a user, or to the visitor when no message names one. It is attributed to the session of
the first message that completed it within a session. A refund of an order that was never completed counts as money
given back at the time of its first message.
Names are those of Segment's e-commerce spec (https://segment.com/docs/connections/spec/ecommerce/v2/), and the same for
bookings. The property `updated_at` gives the time of a statement when it differs from the message's own time; a time in
the future is ignored.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import msgspec

from trackway.enrich.clock import is_ahead
from trackway.enrich.money import IDS, NOTHING, amount_of, currency_of
from trackway.event import Event, Millis, to_millis
from trackway.storable import LARGEST_AMOUNT, is_time

ORDER, BOOKING = "order", "booking"
COMPLETED, UPDATED, REFUNDED, CANCELLED = "completed", "updated", "refunded", "cancelled"
_SPELLED = {"completed": COMPLETED, "updated": UPDATED, "refunded": REFUNDED, "cancelled": CANCELLED,
            "canceled": CANCELLED, "deleted": CANCELLED}  # fmt: skip


class Meaning(NamedTuple):
    """The meaning of a message: whether it concerns an order or a booking, and its change of state."""

    kind: str
    change: str


class Order(msgspec.Struct, gc=False):
    """One row of the orders table: an order or booking in the state that its messages give.

    Attributes:
        placed_at: the time of completion; 0 until a message completes the order.
        stated_at: the time of the newest statement.
        cancelled_at: the time of the newest cancellation.
        priced_at: the time of the newest statement with an amount.
        refunds: the sum of refund messages.
        stated_refund: the refund in the newest statement.
        refunded_at: the time of the first refund.
        version: the log offset of the batch that wrote the row.
        gone: whether the order now belongs to another identity.
        told_by: the event that stands for the order in questions about columns of events (`_represents`), with its
            session and entity.
    """

    project_id: bytes
    identity: int
    kind: str
    order_id: str
    visitor_id: str
    user_id: str
    session_id: bytes
    placed_at: Millis
    amount: Decimal
    currency: str
    refunds: Decimal
    stated_refund: Decimal
    refunded_whole: bool
    service: str
    stated_at: Millis
    cancelled_at: Millis
    named_at: Millis
    version: int
    gone: bool
    told_by: bytes = bytes(16)
    entity_type: str = ""
    entity_id: str = ""
    refunded_at: Millis = 0
    priced_at: Millis = 0

    @property
    def key(self) -> Key:
        """The values that identify the order."""
        return (self.project_id, self.kind, self.order_id)


Key = tuple[bytes, str, str]


@lru_cache(maxsize=10_000)
def meaning(name: str) -> Meaning | None:
    """Return the meaning of a track event's name for orders or bookings; None when it has none."""
    kind, _, change = name.lower().replace("_", " ").replace("-", " ").partition(" ")
    return Meaning(kind, _SPELLED[change]) if kind in (ORDER, BOOKING) and change in _SPELLED else None


def revenue_of(name: str, properties: dict[str, Any]) -> tuple[Decimal, str]:
    """Return the revenue of an event, and its currency.

    A refund is negative. A change of an order adds nothing, because its completion counted already.
    """
    known = meaning(name)
    if known is not None and known.change in (UPDATED, CANCELLED):
        return NOTHING, ""
    amount = amount_of(properties)
    if amount is None:
        return NOTHING, ""
    refund = known is not None and known.change == REFUNDED
    return -abs(amount) if refund else amount, currency_of(properties)


class History(Protocol):
    """The stored orders."""

    def orders_of(self, keys: list[Key]) -> list[Order]:
        """Return the stored orders with these keys, as they are now."""
        ...


class Orders:
    """Folds the events of a batch into orders.

    Args:
        history: the store.
    """

    def __init__(self, history: History) -> None:
        self._history = history

    def assign(self, events: Iterable[Event], version: int) -> list[Order]:
        """Return the rows to write; the events already have their identity and session.

        Args:
            version: the log offset after the batch.
        """
        by_order: dict[Key, list[tuple[Event, str, dict[str, Any]]]] = {}
        for event in events:
            if event.type == "track" and (known_meaning := meaning(event.name)) is not None:
                properties = msgspec.json.decode(event.properties)
                key = (event.project_id, known_meaning.kind, _id(event, properties))
                by_order.setdefault(key, []).append((event, known_meaning.change, properties))
        if not by_order:
            return []
        known = {order.key: order for order in self._history.orders_of(list(by_order))}
        rows: list[Order] = []
        for key, changes in by_order.items():
            before = known.get(key)
            order = _new(key) if before is None else msgspec.structs.replace(before)
            for event, change, properties in changes:
                fold(order, event, change, properties)
            order.version = version
            if before is not None and before.identity != order.identity:
                rows.append(msgspec.structs.replace(before, gone=True, version=version))
            rows.append(order)
        return rows


def _new(key: Key) -> Order:
    return Order(
        *key[:1], 0, *key[1:], "", "", bytes(16), 0, NOTHING, "", NOTHING, NOTHING, False, "", 0, 0, 0, 0, False
    )


def fold(order: Order, event: Event, change: str, properties: dict[str, Any]) -> None:
    """Apply an event to an order, whatever events came before it."""
    at = _stated_at(properties, event)
    if change == REFUNDED:
        amount = abs(amount_of(properties) or NOTHING)
        order.refunds = min(order.refunds + amount, LARGEST_AMOUNT)
        order.refunded_whole = order.refunded_whole or not amount
        order.refunded_at = min(order.refunded_at or event.timestamp, event.timestamp)
        order.currency = order.currency or currency_of(properties)
    elif change == CANCELLED:
        order.cancelled_at = max(order.cancelled_at, at)
    else:
        _apply_statement(order, properties, at)
    if _represents(order, event, change):
        order.told_by, order.session_id = event.event_id, event.session_id if change == COMPLETED else bytes(16)
        order.entity_type, order.entity_id = event.entity_type, event.entity_id
    if change == COMPLETED and (not order.placed_at or event.timestamp < order.placed_at):
        order.placed_at = event.timestamp
    # The owner is the user in the newest statement that names a user; before that, the visitor of the newest statement.
    # A refund or cancellation may come from somebody else, so its sender is the owner only while no other is known.
    states = change in (COMPLETED, UPDATED)
    if (bool(event.user_id), at) >= (bool(order.user_id), order.named_at) if states else not order.visitor_id:
        order.identity, order.visitor_id, order.user_id = event.identity, event.visitor_id, event.user_id
        order.named_at = at if states else 0


def _represents(order: Order, event: Event, change: str) -> bool:
    """Whether this event stands for the order from now on.

    It is the first event that completed the order in a session, else the first that completed it, else the first
    refund. The order of event ids is the order of their times.
    """
    if change not in (COMPLETED, REFUNDED):
        return False
    rank = 2 + any(event.session_id) if change == COMPLETED else 1
    known = 2 + any(order.session_id) if order.placed_at else int(any(order.told_by))
    return rank > known or (rank == known and event.event_id < order.told_by)


def _apply_statement(order: Order, properties: dict[str, Any], at: Millis) -> None:
    """Apply a statement made at a time; properties that it does not mention stay unchanged."""
    amount = amount_of(properties)
    if amount is not None and at >= order.priced_at:
        order.amount, order.priced_at = amount, at
        order.currency = currency_of(properties) or order.currency
    order.currency = order.currency or currency_of(properties)
    if at < order.stated_at:
        return
    order.stated_at = at
    if "refunded" in properties:
        order.stated_refund = abs(amount_of({"revenue": properties["refunded"]}) or NOTHING)
    service = next((properties[name] for name in ("service", "service_name") if properties.get(name)), "")
    order.service = str(service)[:255] or order.service


def _id(event: Event, properties: dict[str, Any]) -> str:
    """Return the id of an order; an order without one is identified by its message."""
    for name in IDS:
        if (order_id := properties.get(name)) not in (None, ""):
            return str(order_id)[:255]
    return f"message {event.message_id}"


def _stated_at(properties: dict[str, Any], event: Event) -> Millis:
    """Return the time of a statement. A time in the future is ignored: it would override all statements until then."""
    stated, usual = properties.get("updated_at"), event.timestamp
    if stated is None or isinstance(stated, bool):
        return usual
    try:
        at = to_millis(datetime.fromisoformat(stated) if isinstance(stated, str) else stated)
    except (ValueError, TypeError, OverflowError):
        return usual
    return at if is_time(at) and not is_ahead(at, event.received_at) else usual
