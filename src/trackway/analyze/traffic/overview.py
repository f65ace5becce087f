"""Overview: visitors, sessions, page views, bounce rate, duration, events and revenue against another period."""

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
    """Totals of the question's period and of the one before; from the counters when nothing is filtered.

    Returns:
        The answer, and `{"current": totals, "previous": totals}`, where totals are `visitors` (exact),
        `sessions` (started in the period), `page_views`, `events`, `bounce_rate` (share of sessions of one
        act at most, 0 to 1), `duration_s` (mean seconds from first to last event) and `revenue`
        (`[{"currency", "amount"}]`: orders and bookings placed in the period, each once, less refunds; amounts
        without a currency are of the project's `currency`). Of a filtered question it is that of orders whose event
        is meant.
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
        # Of a period with events but no session that started in it, or no order, the join has nothing on one side.
        filled = {name: row[name] if row[name] is not None else empty for name, empty in _NOTHING.items()}
        filled["revenue"] = [one for one in amounts(row["revenue"]) if one["amount"]]
        totals["current" if row["current"] else "previous"] = filled
    return answer, totals
