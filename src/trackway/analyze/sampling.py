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
            found[f"{name}_margin"] = round(1.96 * sqrt(value * (1 - share)) / share, 1)
        else:
            found[name] = whole(value, share)
    return found
