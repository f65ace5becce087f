"""Amounts and currencies, as properties say them in Segment's e-commerce spec."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

NOTHING = Decimal(0)
_MOST_DIGITS, _PLACES = 13, 4
_FEWEST_CENTS = Decimal(10) ** -_PLACES
IDS = ("order_id", "orderId", "booking_id", "bookingId")
"""The properties that say which order or booking it is."""


def amount_of(properties: dict[str, Any]) -> Decimal | None:
    """`revenue`, or an order's `total`; None when there is none.

    Amounts that are not numbers, or are of more than 13 digits, count as none; the property itself is kept.
    """
    given = properties.get("revenue")
    if given is None and any(name in properties for name in IDS):
        given = properties.get("total")
    if given is None or isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    try:
        amount = Decimal(str(given).strip())
    except (InvalidOperation, ValueError):
        return None
    if not amount.is_finite():
        return None
    if amount.is_zero() or amount.adjusted() < -_PLACES - 1:  # exponents of which a Decimal cannot be rounded
        return NOTHING
    return amount.quantize(_FEWEST_CENTS) if amount.adjusted() < _MOST_DIGITS else None


def currency_of(properties: dict[str, Any]) -> str:
    """The code of the currency in capitals; empty when there is none that is one."""
    given = properties.get("currency")
    known = isinstance(given, str) and len(given) == 3 and given.isascii() and given.isalpha()
    return str(given).upper() if known else ""
