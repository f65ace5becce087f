"""Built-in segments of customers. They can be used wherever a saved segment can."""

from __future__ import annotations

from typing import Any, NamedTuple


class Ready(NamedTuple):
    """A segment that every project has: its name and its filter."""

    name: str
    filter: Any


def _is(column: str, operator: str, value: float | str) -> dict[str, Any]:
    return {"column": f"customer.{column}", "operator": operator, "values": [value]}


READY = {
    "ready:no-order-30-days": Ready("No order for 30 days", _is("days_since_order", "at_least", 30)),
    "ready:weekly-to-none": Ready(
        "Fell from weekly to none",
        {"all": [_is("weeks_before", "at_least", 4), _is("days_since_seen", "at_least", 14)]},
    ),
    "ready:high-value-fading": Ready(
        "High value and fading", {"all": [_is("monetary", "at_least", 5), _is("active", "less", 0.5)]}
    ),
    "ready:one-order-only": Ready(
        "One order, long ago", {"all": [_is("orders", "is", 1), _is("days_since_order", "at_least", 60)]}
    ),
    "ready:champions": Ready("Champions", _is("rfm", "is", "Champions")),
}
"""The built-in segments, by the id that filters use: `{"segment": "ready:no-order-30-days"}`."""
