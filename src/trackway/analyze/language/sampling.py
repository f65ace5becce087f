"""Samples: numbers of people, made whole again, with how far they may be off.

A sample is of people, chosen by a hash of who they are: all of a person's events are in it or none. A count of n people
in a sample of the share s stands for n / s, and lies with a probability of 95 % within 1.96 · √(n · (1 − s)) / s of the
truth (the binomial distribution's normal approximation).
"""

from __future__ import annotations

from math import sqrt
from typing import Any

COUNTS = frozenset(["persons", "units", "new", "returning", "resurrecting", "dormant", "day", "week", "month"])


def whole(data: Any, share: float) -> Any:
    """The data with every count of people made whole; beside each `n` stands `n_margin`."""
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


def whole_lines(lines: list[dict[str, Any]], share: float) -> list[dict[str, Any]]:
    """Lines of a trend that count people, made whole: `total` with `total_margin`, `points` with `point_margins`."""
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
