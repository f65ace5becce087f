"""Number properties: one that the store cannot read as a number is noted, because it counts as nothing."""

from __future__ import annotations

import math
import re
from typing import Any

from trackway.storable import amount

Note = tuple[str, str]
"""A field that was not used as sent, and the reason."""

_OF_ORDERS = frozenset(["total", "refunded"])
_IDS = ("order_id", "orderId", "booking_id", "bookingId")
_AMOUNTS = frozenset(["revenue", *_OF_ORDERS])
_PLAIN = frozenset(["price", "quantity", "value", "duration_s", "visible_s", "rating"])
READ = _AMOUNTS | _PLAIN
"""The properties that are read as numbers; `total` and `refunded` only beside an order's or booking's id."""
_USUAL = 10**12
"""Numbers below this limit fit every column."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_LIKE_A_NUMBER = re.compile(r"\s*[-+$€£¥]?\s*[.,]?\d")


def check_numbers(properties: dict[str, Any]) -> list[Note]:
    """Return notes on properties that should be numbers and cannot be read as such; the properties stay unchanged.

    A `value` should be a number only beside a currency or when it begins like one: many values are words.
    """
    notes: list[Note] = []
    for name in READ.intersection(properties):
        value = properties[name]
        if value is None or (type(value) in (int, float) and -_USUAL < value < _USUAL):
            continue
        if name in _OF_ORDERS and not any(field in properties for field in _IDS):
            continue
        if name == "value" and "currency" not in properties and not _begins_like_one(value):
            continue
        if name in _AMOUNTS:
            if amount(value) is None:
                problem = "has more than 13 digits" if _is_number(value) else "is not a number"
                notes.append((f"properties.{name}", _reason(value, problem, "12.50", "not counted as money")))
        elif not _is_number(value):
            notes.append((f"properties.{name}", _reason(value, "is not a number", "12.5", "not counted as a number")))
    return notes


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        return _NUMBER.fullmatch(value) is not None and math.isfinite(float(value))
    return type(value) is int or (isinstance(value, float) and math.isfinite(value))


def _begins_like_one(value: object) -> bool:
    return isinstance(value, str) and _LIKE_A_NUMBER.match(value) is not None


def _reason(value: object, problem: str, example: str, effect: str) -> str:
    shown = repr(value[:40]) if isinstance(value, str) else str(value)[:40]
    return f"{shown} {problem}: it is stored and {effect}; send digits with a point, such as {example}"
