"""Revenue of orders and bookings over time, by buyer and by visitor; repeat purchases; customers by RFM segment."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from trackway.analyze.customers.customers import paid
from trackway.analyze.language.money import Money
from trackway.analyze.language.period import Interval, buckets
from trackway.analyze.language.question import Answer, Question, ask, compiler, people_filter
from trackway.store.connection import Store


class Revenue(msgspec.Struct, tag="revenue", tag_field="question", kw_only=True):
    """Orders and bookings placed in the period, by `interval`. A filter selects the people whose orders count."""

    interval: Interval = "day"


class Rfm(msgspec.Struct, tag="rfm", tag_field="question", kw_only=True):
    """Customers by the RFM segment of the last scoring."""


class RevenueTotals(msgspec.Struct, kw_only=True):
    """Totals of a period.

    `value` is in the project's currency, less refunds, without `unconverted` purchases, whose currency has no exchange
    rate. Of the `purchases`, some are `bookings`. `average` is the value for each purchase, without refunds of orders
    that were never completed; `repeat_rate` is the share (0 to 1) of buyers who bought more than once by the end of the
    period; days are those between purchases of one person. `amounts` and `refunds` are by currency, unconverted.
    """

    value: str
    purchases: int
    bookings: int
    buyers: int
    visitors: int
    unconverted: int
    average: str | None
    per_visitor: str | None
    per_buyer: str | None
    repeat_rate: float | None
    median_days_between: float | None
    mean_days_between: float | None
    refunded_purchases: int
    amounts: list[Money]
    refunds: list[Money]


class RevenueAnswer(msgspec.Struct):
    """The starts of the intervals (`moments`), with the value (in `currency`) and the purchases of each, and totals."""

    currency: str
    moments: list[datetime]
    value: list[str]
    purchases: list[int]
    totals: RevenueTotals


class RfmRow(msgspec.Struct):
    """The customers of an RFM segment: their purchases and the `value` of these (in the project's currency), their mean
    probability of being `active`, and the number and value of their orders that are expected in the 13 weeks after the
    scoring.
    """

    rfm: str
    customers: int
    purchases: int
    value: str
    active: float | None
    expected_orders: float
    expected_value: float


class RfmAnswer(msgspec.Struct):
    """The segments, those with the highest value first, and the time of the scoring (None if there was none)."""

    currency: str
    scored_at: datetime | None
    rows: list[RfmRow]


def revenue(store: Store, question: Question, asked: Revenue, currency: str) -> tuple[list[Answer], RevenueAnswer]:
    """Sum up the orders and bookings of a period. Filters select people, whose orders and visitors all count."""
    conditions = compiler(store, question)
    shape = {"interval": asked.interval, **people_filter(question, conditions)}
    sums = ask(store, "customers/revenue.sql", question, shape, conditions, currency=currency)
    again = compiler(store, question)
    repeats = ask(store, "customers/revenue_repeats.sql", question, people_filter(question, again), again)
    of_people = compiler(store, question)
    counters = {"counted": question.plain(store), "activity": store.persons.activity}
    people = {**counters, **people_filter(question, of_people)}
    visited = ask(store, "customers/revenue_visitors.sql", question, people, of_people)
    whole: dict[str, Any] = {}
    by_moment: dict[datetime, dict[str, Any]] = {}
    for row in sums.rows():
        if row["at"]:
            by_moment[datetime.fromtimestamp(row["at"], UTC)] = row
        else:
            whole = row
    moments = buckets(question.period, question.timezone, asked.interval) if by_moment else []
    visitors, times = visited.rows()[0]["visitors"], repeats.rows()[0]
    value, purchases, buyers = whole["value"], whole["purchases"], whole["buyers"]
    totals = RevenueTotals(
        value=str(value), purchases=purchases, bookings=whole["bookings"], buyers=buyers, visitors=visitors,
        unconverted=whole["unconverted"], average=_share(whole["purchased"], purchases - whole["unconverted"]),
        per_visitor=_share(value, visitors), per_buyer=_share(value, buyers),
        repeat_rate=times["repeat_buyers"] / times["buyers"] if times["buyers"] else None,
        median_days_between=_number(times["median_days_between"]),
        mean_days_between=_number(times["mean_days_between"]), refunded_purchases=whole["refunded_purchases"],
        amounts=_nonzero(whole["amounts"], currency), refunds=_nonzero(whole["refunds"], currency),
    )  # fmt: skip
    return [sums, repeats, visited], RevenueAnswer(
        currency,
        moments,
        value=[str(by_moment[at]["value"]) if at in by_moment else "0" for at in moments],
        purchases=[by_moment[at]["purchases"] if at in by_moment else 0 for at in moments],
        totals=totals,
    )


def rfm(store: Store, question: Question, _: Rfm, currency: str) -> tuple[list[Answer], RfmAnswer]:
    """Count customers by RFM segment."""
    conditions = compiler(store, question)
    answer = ask(store, "customers/rfm.sql", question, people_filter(question, conditions), conditions)
    rows = answer.rows()
    scored_at = max((row.pop("scored_at") for row in rows), default=None)
    return [answer], RfmAnswer(currency, scored_at, [RfmRow(**{**row, "value": str(row["value"])}) for row in rows])


def _share(value: Decimal, of: int) -> str | None:
    return str((value / of).quantize(Decimal("0.0001"))) if of else None


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _nonzero(by_currency: Any, currency: str) -> list[Money]:
    return [money for money in paid(by_currency, currency) if money.amount]
