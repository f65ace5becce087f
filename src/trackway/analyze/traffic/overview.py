"""Overview: visitors, sessions, page views, bounce rate, duration, events and revenue, compared with another period."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from trackway.analyze.language.money import Money, money
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Answer, Question, ask, moment
from trackway.store.connection import Store


class Overview(msgspec.Struct, tag="overview", tag_field="question", kw_only=True):
    """Totals of the period and of the one to compare with: the previous period, unless `compare` names another."""


class Totals(msgspec.Struct, kw_only=True):
    """Totals of a period: `visitors` (exact), `sessions` that started in it, `bounce_rate` (share of sessions with at
    most one act, 0 to 1), `duration_s` (mean seconds from first to last event), and `revenue` by currency of the orders
    and bookings placed in it, each once, less refunds.
    """

    visitors: int = 0
    sessions: int = 0
    page_views: int = 0
    events: int = 0
    bounce_rate: float = 0.0
    duration_s: float = 0.0
    revenue: list[Money] = []


class OverviewAnswer(msgspec.Struct):
    """Totals of the period, and of the one that it is compared with."""

    current: Totals
    previous: Totals


def overview(
    store: Store, question: Question, before: Period, currency: str
) -> tuple[list[Answer], OverviewAnswer]:  # fmt: skip
    """Return the totals of the question's period and of another one, which may overlap it or be later; from the
    counters if there are no filters.

    With filters, revenue contains the orders whose event matches them. Amounts without a currency are in `currency`.
    """
    earlier = msgspec.structs.replace(question, period=before)
    if question.plain(store) and earlier.plain(store):
        answer = ask(
            store,
            "traffic/overview_counted.sql",
            question,
            {"activity": store.persons.activity},
            before_start=moment(before.start),
            before_end=moment(before.end),
            currency=currency,
        )
        totals = {row.pop("current"): _totals(row) for row in answer.rows()}
        return [answer], OverviewAnswer(totals.get(True, Totals()), totals.get(False, Totals()))
    # The subqueries of filters depend on the start and end of their period, so each period has a statement.
    answers = [ask(store, "traffic/overview.sql", asked, currency=currency) for asked in (question, earlier)]
    return answers, OverviewAnswer(*(_totals(answer.rows()[0]) for answer in answers))


def _totals(row: dict[str, Any]) -> Totals:
    """Read a row of totals. Means are missing or not a number if no session started."""
    revenue = [amount for amount in money(row.pop("revenue")) if amount.amount]
    figures = {name: value for name, value in row.items() if value is not None and not math.isnan(value)}
    return Totals(**figures, revenue=revenue)
