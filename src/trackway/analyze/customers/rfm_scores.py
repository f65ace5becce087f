"""RFM scores: recency, frequency and monetary value of each customer from 1 to 5, relative to all customers, and the
segment that follows from them.

A score is 1 + ⌊5 · share of customers with a lower value⌋, so that equal values have equal scores. The segments and
their limits are the customary map of recency and frequency scores (as in Putler's and many RFM libraries); monetary
value is reported separately.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trackway.analyze.customers.lifetimes import Floats

_NAMES = (
    # Columns: recency, frequency, name.
    ((1, 2), (1, 2), "Hibernating"), ((1, 2), (3, 4), "At risk"), ((1, 2), (5, 5), "Cannot lose them"),
    ((3, 3), (1, 2), "About to sleep"), ((3, 3), (3, 3), "Need attention"), ((3, 4), (4, 5), "Loyal"),
    ((4, 4), (1, 1), "Promising"), ((5, 5), (1, 1), "New"), ((4, 5), (2, 3), "Potential loyalists"),
    ((5, 5), (4, 5), "Champions"),
)  # fmt: skip
NAMES = tuple(name for _, _, name in _NAMES)


def scores(values: Floats) -> NDArray[np.int64]:
    """Return the score of each value from 1 to 5; a higher value has a higher score."""
    ordered = np.sort(values)
    worse = np.searchsorted(ordered, values, side="left") / max(len(values), 1)
    return 1 + np.floor(5 * worse).astype(np.int64)


def names(recency: NDArray[np.int64], frequency: NDArray[np.int64]) -> list[str]:
    """Return the segment of each customer, by their scores."""
    segments = np.full(len(recency), "", dtype=object)
    for (r_low, r_high), (f_low, f_high), name in _NAMES:
        matches = (recency >= r_low) & (recency <= r_high) & (frequency >= f_low) & (frequency <= f_high)
        segments[matches] = name
    return list(segments)
