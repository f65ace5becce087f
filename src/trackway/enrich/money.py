"""Amounts and currencies in properties, as in Segment's e-commerce spec."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from trackway.storable import amount

NOTHING = Decimal(0)
IDS = ("order_id", "orderId", "booking_id", "bookingId")
"""The properties that identify an order or booking."""


def amount_of(properties: dict[str, Any]) -> Decimal | None:
    """Return `revenue`, or an order's `total`; None when there is neither.

    Amounts that are not numbers, or have more than 13 digits, count as absent. The property itself is kept, and the
    collector notes it (`trackway.collect.numbers`).
    """
    value = properties.get("revenue")
    if value is None and any(name in properties for name in IDS):
        value = properties.get("total")
    return amount(value)


def currency_of(properties: dict[str, Any]) -> str:
    """Return the currency code in capitals; empty when there is no valid one."""
    value = properties.get("currency")
    known = isinstance(value, str) and len(value) == 3 and value.isascii() and value.isalpha()
    return str(value).upper() if known else ""
