"""Amounts and currencies, as properties say them in Segment's e-commerce spec."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from trackway.storable import amount

NOTHING = Decimal(0)
IDS = ("order_id", "orderId", "booking_id", "bookingId")
"""The properties that say which order or booking it is."""


def amount_of(properties: dict[str, Any]) -> Decimal | None:
    """`revenue`, or an order's `total`; None when there is none.

    Amounts that are not numbers, or are of more than 13 digits, count as none; the property itself is kept, and the
    collector notes it (`trackway.collect.numbers`).
    """
    given = properties.get("revenue")
    if given is None and any(name in properties for name in IDS):
        given = properties.get("total")
    return amount(given)


def currency_of(properties: dict[str, Any]) -> str:
    """The code of the currency in capitals; empty when there is none that is one."""
    given = properties.get("currency")
    known = isinstance(given, str) and len(given) == 3 and given.isascii() and given.isalpha()
    return str(given).upper() if known else ""
