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
        given = properties[name]
        if given is None or (type(given) in (int, float) and -_USUAL < given < _USUAL):
            continue
        if name in _OF_ORDERS and not any(one in properties for one in _IDS):
            continue
        if name == "value" and "currency" not in properties and not _begins_like_one(given):
            continue
        if name in _AMOUNTS:
            if amount(given) is None:
                problem = "has more than 13 digits" if _is_number(given) else "is not a number"
                notes.append((f"properties.{name}", _reason(given, problem, "12.50", "not counted as money")))
        elif not _is_number(given):
            notes.append((f"properties.{name}", _reason(given, "is not a number", "12.5", "not counted as a number")))
    return notes


def _is_number(given: object) -> bool:
    if isinstance(given, str):
        return _NUMBER.fullmatch(given) is not None and math.isfinite(float(given))
    return type(given) is int or (isinstance(given, float) and math.isfinite(given))


def _begins_like_one(given: object) -> bool:
    return isinstance(given, str) and _LIKE_A_NUMBER.match(given) is not None


def _reason(given: object, problem: str, example: str, effect: str) -> str:
    shown = repr(given[:40]) if isinstance(given, str) else str(given)[:40]
    return f"{shown} {problem}: it is stored and {effect}; send digits with a point, such as {example}"
