"""Overview: visitors, sessions, page views, bounce rate, duration, events and revenue, compared with another period."""

from __future__ import annotations

import math

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


def overview(store: Store, question: Question, before: Period, currency: str) -> tuple[Answer, OverviewAnswer]:
    """Return the totals of the question's period and of the one before; from the counters if there are no filters.

    With filters, revenue contains the orders whose event matches them. Amounts without a currency are in `currency`.
    """
    counted = question.plain(store) and msgspec.structs.replace(question, period=before).plain(store)
    answer = ask(
        store,
        "traffic/overview_counted.sql" if counted else "traffic/overview.sql",
        question,
        {"activity": store.persons.activity},
        before_start=moment(before.start),
        before_end=moment(before.end),
        currency=currency,
    )
    totals = OverviewAnswer(Totals(), Totals())
    for row in answer.rows():
        name, revenue = "current" if row.pop("current") else "previous", money(row.pop("revenue"))
        # If a period has events but no session start, or no order, that side of the join is empty. Late events may
        # take the last session out of a period: its means are then not a number.
        figures = {name: value for name, value in row.items() if value is not None and not math.isnan(value)}
        setattr(totals, name, Totals(**figures, revenue=[amount for amount in revenue if amount.amount]))
    return answer, totals
