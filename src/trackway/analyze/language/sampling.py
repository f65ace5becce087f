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
COUNTS = frozenset("persons units entered converted new returning resurrecting dormant day week month".split())


def make_whole(data: Any, share: float) -> None:
    """Extrapolate every count of people in an answer, in place, and set its margin of error, `n_margin` of `n`."""
    if isinstance(data, list):
        for item in data:
            make_whole(item, share)
    elif isinstance(data, msgspec.Struct):
        for name in data.__struct_fields__:
            value = getattr(data, name)
            if name in COUNTS and isinstance(value, int):
                setattr(data, name, round(value / share))
                setattr(data, f"{name}_margin", margin(value, share))
            else:
                make_whole(value, share)


def margin(count: float, share: float) -> float:
    """Return the margin of error of an extrapolated count, whose sample has `count` people."""
    return round(1.96 * sqrt(count * (1 - share)) / share, 1)
