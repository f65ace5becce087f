"""Columns of customers, declared as data: their table, the aggregation of a person's rows, and the resulting SQL."""

from __future__ import annotations

from typing import Literal, NamedTuple

NEVER = "toDateTime64('2299-01-01 00:00:00', 3, 'UTC')"
_NO_TIME = "toDateTime64(0, 3, 'UTC')"
_NOW = "least({{end:DateTime64(3,'UTC')}}, now64(3))"
_SIX_WEEKS = (
    "hour >= {end:DateTime64(3,'UTC')} - INTERVAL 42 DAY AND hour < {end:DateTime64(3,'UTC')} - INTERVAL 14 DAY"
)
# A bit for each of the four weeks that end two weeks before the end of the period.
_WEEK = "toUInt8(bitShiftLeft(toUInt8(1), intDiv(dateDiff('hour', hour, {end:DateTime64(3,'UTC')}) - 1, 168) - 2))"

TABLES = {
    "customers": "customers WHERE project_id = {project:UUID}",
    "order_totals": "order_totals FINAL WHERE project_id = {project:UUID}",
    "customer_scores": "customer_scores FINAL WHERE project_id = {project:UUID}",
    "session_hours": f"session_hours WHERE project_id = {{project:UUID}} AND {_SIX_WEEKS}",
}
"""The rows of a project in each table with data about customers."""


class OfCustomer(NamedTuple):
    """A column of customers: `row` is its SQL on a row of the table, `how` aggregates the rows of a person, and `shown`
    converts the result ({x}).

    `nothing` is the value for a person without rows.
    """

    table: str
    row: str
    how: Literal["sum", "max", "min", "groupBitOr"]
    kind: Literal["number", "time", "text"]
    nothing: str
    shown: str = "{x}"

    def of(self, whole: str) -> str:
        """Return the column's SQL, given the SQL of the aggregated value."""
        return self.shown.format(x=whole)


def _count(table: str, row: str) -> OfCustomer:
    return OfCustomer(table, row, "sum", "number", "0")


def _last(table: str, row: str) -> OfCustomer:
    return OfCustomer(table, row, "max", "time", _NO_TIME, f"nullIf({{x}}, {_NO_TIME})")


def _first(table: str, row: str) -> OfCustomer:
    return OfCustomer(table, row, "min", "time", NEVER, f"nullIf({{x}}, {NEVER})")


def _days_since(table: str, row: str) -> OfCustomer:
    days = f"if({{x}} = {_NO_TIME}, NULL, dateDiff('day', {{x}}, {_NOW}))"
    return OfCustomer(table, row, "max", "number", _NO_TIME, days)


def _score(row: str, kind: Literal["number", "text"] = "number") -> OfCustomer:
    if kind == "text":
        return OfCustomer("customer_scores", row, "max", kind, "''")
    # Unscored customers have a value below every score.
    return OfCustomer("customer_scores", row, "max", kind, "-1.", "if({x} < 0, NULL, {x})")


CUSTOMER = {
    "customer.orders": _count("order_totals", "orders"),
    "customer.bookings": _count("order_totals", "bookings"),
    "customer.refunded_orders": _count("order_totals", "refunded_orders"),
    "customer.value": _count("order_totals", "toFloat64(value)"),
    "customer.first_order": _first("order_totals", f"if(orders > 0, first_order, {NEVER})"),
    "customer.last_order": _last("order_totals", "last_order"),
    "customer.last_booking": _last("order_totals", "last_booking"),
    "customer.days_since_order": _days_since("order_totals", "last_order"),
    "customer.sessions": _count("customers", "sessions"),
    "customer.reviews": _count("customers", "reviews"),
    "customer.registered": _first("customers", "registered_at"),
    "customer.last_login": _last("customers", "signed_in_at"),
    "customer.last_seen": _last("customers", "last_seen"),
    "customer.days_since_seen": _days_since("customers", "last_seen"),
    "customer.weeks_before": OfCustomer("session_hours", _WEEK, "groupBitOr", "number", "toUInt8(0)", "bitCount({x})"),
    "customer.active": _score("active"),
    "customer.expected_orders": _score("expected_orders"),
    "customer.expected_value": _score("expected_value"),
    "customer.recency": _score("toFloat64(recency)"),
    "customer.frequency": _score("toFloat64(frequency)"),
    "customer.monetary": _score("toFloat64(monetary)"),
    "customer.rfm": _score("toString(rfm)", "text"),
}  # fmt: skip
"""Columns of customers. `value` is in the project's currency. `weeks_before` is the number of weeks with activity,
among the four weeks that precede the last two. Columns from `active` on come from the last scoring
(operate/customer_scores.py).
"""
OF_THE_PRESENT = frozenset(name for name, column in CUSTOMER.items() if "now64(" in column.shown)
"""Columns whose values change although nothing is stored."""
