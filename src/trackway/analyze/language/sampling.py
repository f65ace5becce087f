"""Samples: extrapolates numbers of people, with margins of error.

A sample consists of people, chosen by a hash of their identity: it contains all events of a person or none. A count of
n people in a sample of share s is extrapolated to n / s. With a probability of 95 %, the true number lies within 1.96 ·
√(n · (1 − s)) / s of it (normal approximation of the binomial distribution).
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import msgspec

Margin = float | msgspec.UnsetType
"""The type of `n_margin`: people, plus or minus; absent (`msgspec.UNSET`) unless the question asks for a sample."""
COUNTS = frozenset(["persons", "units", "new", "returning", "resurrecting", "dormant", "day", "week", "month"])


def whole(data: Any, share: float) -> Any:
    """Extrapolate every count of people in an answer; `n_margin` is added beside each `n`.

    Structs are changed in place: they declare `n_margin` as a field that is otherwise absent.
    """
    if isinstance(data, msgspec.Struct):
        _make_whole(data, share)
        return data
    if isinstance(data, list):
        return [whole(one, share) for one in data]
    if not isinstance(data, dict):
        return data
    found: dict[str, Any] = {}
    for name, value in data.items():
        if name in COUNTS and isinstance(value, int):
            found[name] = round(value / share)
            found[f"{name}_margin"] = _margin(value, share)
        else:
            found[name] = whole(value, share)
    return found


def _make_whole(data: msgspec.Struct, share: float) -> None:
    for name in data.__struct_fields__:
        value = getattr(data, name)
        if name in COUNTS and isinstance(value, int):
            setattr(data, name, round(value / share))
            setattr(data, f"{name}_margin", _margin(value, share))
        elif isinstance(value, list | msgspec.Struct):
            whole(value, share)


def whole_lines(lines: list[dict[str, Any]], share: float) -> list[dict[str, Any]]:
    """Extrapolate lines of a trend that count people: `total` with `total_margin`, `points` with `point_margins`."""
    return [
        {
            **line,
            "total": (line["total"] or 0) / share,
            "total_margin": _margin(line["total"] or 0, share),
            "points": [(point or 0) / share for point in line["points"]],
            "point_margins": [_margin(point or 0, share) for point in line["points"]],
            **({"parts": whole_lines(line["parts"], share)} if "parts" in line else {}),
        }
        for line in lines
    ]


def _margin(count: float, share: float) -> float:
    return round(1.96 * sqrt(count * (1 - share)) / share, 1)
