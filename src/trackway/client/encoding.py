"""JSON encoding of messages with any content: values that JSON cannot express become text, or null."""

from __future__ import annotations

import json
import math
import numbers
import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

_LONG = re.compile(r"[:\[,]-?\d{19}")
_LEAST, _MOST = -(2**63), 2**64 - 1
_DIGITS = 15
"""The number of digits that a float holds exactly."""


def encoded(message: dict[str, Any], on_not_finite: Callable[[str], object]) -> bytes:
    """Return a message as JSON in UTF-8.

    Args:
        on_not_finite: called with the path of a number that is not finite and became null.

    Raises:
        ValueError, RecursionError: the message contains itself, or is nested too deep.
    """
    try:
        text = json.dumps(message, default=_plain, allow_nan=False, separators=(",", ":"))
        if _LONG.search(text) is None:
            return text.encode()
    except (ValueError, TypeError):
        pass  # a NaN, a key that is not text, a number of very many digits, or a cycle
    return json.dumps(_clean(message, "", (), on_not_finite), separators=(",", ":")).encode()


def text_of(value: object) -> str:
    """Return an id or any other value as text."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode(errors="replace")
    try:
        return str(value)
    except Exception:  # its own str() fails
        return f"<{type(value).__name__}>"


def _plain(value: object) -> object:
    """Convert a value that JSON cannot express."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        exact = not value.is_finite() or (len(value.as_tuple().digits) <= _DIGITS and abs(value.adjusted()) < 300)
        return float(value) if exact else str(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return text_of(value)


def _clean(value: object, path: str, above: tuple[int, ...], on_not_finite: Callable[[str], object]) -> object:
    """Return a copy that JSON can express."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        on_not_finite(path.removeprefix("."))
        return None
    if isinstance(value, int):
        return int(value) if _LEAST <= value <= _MOST else text_of(value)
    if not isinstance(value, dict | list):
        return _clean(_plain(value), path, above, on_not_finite)
    if id(value) in above:
        raise ValueError(f"{path.removeprefix('.') or 'the message'} contains itself")
    above = (*above, id(value))
    if isinstance(value, list):
        return [_clean(item, f"{path}.{index}", above, on_not_finite) for index, item in enumerate(value)]
    return {
        name if isinstance(name, str) else text_of(name): _clean(item, f"{path}.{text_of(name)}", above, on_not_finite)
        for name, item in value.items()
    }
