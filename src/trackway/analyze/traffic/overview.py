"""Overview: visitors, sessions, page views, bounce rate, duration, events and revenue, compared with another period."""

from __future__ import annotations

from typing import Any

import msgspec

from trackway.analyze.language.money import amounts
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Answer, Question, ask, moment
from trackway.store.connection import Store

_NOTHING: dict[str, Any] = {
    "visitors": 0, "sessions": 0, "page_views": 0, "events": 0, "bounce_rate": 0.0, "duration_s": 0.0, "revenue": [],
}  # fmt: skip


def overview(store: Store, question: Question, before: Period, currency: str) -> tuple[Answer, dict[str, Any]]:
    """Return the totals of the question's period and of the one before; from the counters if there are no filters.

    Returns:
        The answer, and `{"current": totals, "previous": totals}`. Totals are `visitors` (exact), `sessions` (started in
        the period), `page_views`, `events`, `bounce_rate` (share of sessions with at most one act, 0 to 1),
        `duration_s` (mean seconds from first to last event) and `revenue` (`[{"currency", "amount"}]`: orders and
        bookings placed in the period, each once, less refunds; amounts without a currency are in the project's
        `currency`). With filters, revenue contains the orders whose event matches them.
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
    totals = {"current": dict(_NOTHING), "previous": dict(_NOTHING)}
    for row in answer.rows():
        # If a period has events but no session start, or no order, that side of the join is empty.
        filled = {name: row[name] if row[name] is not None else empty for name, empty in _NOTHING.items()}
        filled["revenue"] = [one for one in amounts(row["revenue"]) if one["amount"]]
        totals["current" if row["current"] else "previous"] = filled
    return answer, totals
