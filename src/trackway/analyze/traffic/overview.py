"""Overview: visitors, sessions, page views, bounce rate, duration, events and revenue, compared with another period."""

from __future__ import annotations

import math

import msgspec

from trackway.analyze.language.money import Money, money
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Answer, Question, ask
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
    """Return the totals of the question's period and of another one, which may overlap it or be later.

    With filters, revenue contains the orders whose event matches them. Amounts without a currency are in `currency`.
    """
    current, previous = (
        _totals(store, msgspec.structs.replace(question, period=period), currency)
        for period in (question.period, before)
    )
    return [current[0], previous[0]], OverviewAnswer(current[1], previous[1])


def _totals(store: Store, question: Question, currency: str) -> tuple[Answer, Totals]:
    """Return the totals of one period; from the counters if there are no filters.

    Each period has a statement of its own, because the subqueries of filters depend on its start and end.
    """
    answer = ask(
        store,
        "traffic/overview_counted.sql" if question.plain(store) else "traffic/overview.sql",
        question,
        {"activity": store.persons.activity},
        currency=currency,
    )
    [row] = answer.rows()
    revenue = [amount for amount in money(row.pop("revenue")) if amount.amount]
    # Means are not a number, or are missing, if no session started.
    figures = {name: value for name, value in row.items() if value is not None and not math.isnan(value)}
    return answer, Totals(**figures, revenue=revenue)
