"""Revenue of orders and bookings over time, by buyer and by visitor; repeat purchases; customers by RFM segment."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from trackway.analyze.customers.customers import paid
from trackway.analyze.language.period import Interval, buckets
from trackway.analyze.language.question import Answer, Question, ask, compiler, people_filter
from trackway.store.connection import Store


class Revenue(msgspec.Struct, tag="revenue", tag_field="question", kw_only=True):
    """Orders and bookings placed in the period, by `interval`."""

    interval: Interval = "day"


class Rfm(msgspec.Struct, tag="rfm", tag_field="question", kw_only=True):
    """Customers by the RFM segment of the last scoring."""


def revenue(store: Store, question: Question, asked: Revenue, currency: str) -> tuple[list[Answer], dict[str, Any]]:
    """Return `moments`, with the series `value` and `purchases`, and `totals` of the whole period.

    Totals are `value` (in the project's `currency`, less refunds, without `unconverted` purchases, whose currency has
    no exchange rate), `purchases`, of which `bookings`, `buyers`, `visitors`, `average` (value for each purchase,
    without refunds of orders that were never completed), `per_visitor`, `per_buyer`, `repeat_rate` (the share of buyers
    who bought more than once by the end of the period), `median_days_between` and `mean_days_between` purchases of one
    person, `refunded_purchases`, and `amounts` and `refunds` by currency, unconverted.
    """
    conditions = compiler(store)
    shape = {"interval": asked.interval, **people_filter(question, conditions)}
    told = ask(store, "customers/revenue.sql", question, shape, conditions, currency=currency)
    again = compiler(store)
    repeats = ask(store, "customers/revenue_repeats.sql", question, people_filter(question, again), again)
    here = ask(store, "customers/revenue_visitors.sql", question)
    whole: dict[str, Any] = {}
    by_moment: dict[datetime, dict[str, Any]] = {}
    for row in told.rows():
        if row["at"]:
            by_moment[datetime.fromtimestamp(row["at"], UTC)] = row
        else:
            whole = row
    moments = buckets(question.period, question.timezone, asked.interval) if by_moment else []
    visitors, times = here.rows()[0]["visitors"], repeats.rows()[0]
    value, purchases, buyers = whole["value"], whole["purchases"], whole["buyers"]
    return [told, repeats, here], {
        "currency": currency,
        "moments": moments,
        "value": [str(by_moment[at]["value"]) if at in by_moment else "0" for at in moments],
        "purchases": [by_moment[at]["purchases"] if at in by_moment else 0 for at in moments],
        "totals": {
            "value": str(value), "purchases": purchases, "bookings": whole["bookings"], "buyers": buyers,
            "visitors": visitors, "unconverted": whole["unconverted"],
            "average": _share(whole["purchased"], purchases - whole["unconverted"]),
            "per_visitor": _share(value, visitors), "per_buyer": _share(value, buyers),
            "repeat_rate": times["repeat_buyers"] / times["buyers"] if times["buyers"] else None,
            "median_days_between": _number(times["median_days_between"]),
            "mean_days_between": _number(times["mean_days_between"]),
            "refunded_purchases": whole["refunded_purchases"], "amounts": _nonzero(whole["amounts"], currency),
            "refunds": _nonzero(whole["refunds"], currency),
        },
    }  # fmt: skip


def rfm(store: Store, question: Question, _: Rfm, currency: str) -> tuple[list[Answer], dict[str, Any]]:
    """Return `rows` of `rfm` (a name), `customers`, `purchases`, `value`, their mean probability of being `active`, and
    their `expected_orders` and `expected_value` in the 13 weeks after `scored_at`; the segments with the highest value
    first.
    """
    conditions = compiler(store)
    answer = ask(store, "customers/rfm.sql", question, people_filter(question, conditions), conditions)
    rows = answer.rows()
    return [answer], {
        "currency": currency,
        "scored_at": max((row["scored_at"] for row in rows), default=None),
        "rows": [
            {name: str(value) if name == "value" else value for name, value in row.items() if name != "scored_at"}
            for row in rows
        ],
    }


def _share(value: Decimal, of: int) -> str | None:
    return str((value / of).quantize(Decimal("0.0001"))) if of else None


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _nonzero(by_currency: Any, currency: str) -> list[dict[str, Any]]:
    return [one for one in paid(by_currency, currency) if one["amount"]]
