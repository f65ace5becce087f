"""Breakdown: who and what, by one column or property."""

from __future__ import annotations

from trackway.analyze.filters import ON_BOTH, ON_SESSIONS, compile_filters, expression
from trackway.analyze.question import Answer, Question, ask
from trackway.store.connection import Store


def breakdown(store: Store, question: Question, by: str, limit: int = 100) -> Answer:
    """A period by the values of `by`, most visitors first.

    What is a session's (source, place, device, entry page) is counted over sessions that started in the period:
    `value, visitors, sessions, bounce_rate, page_views`. Everything else is counted over events:
    `value, visitors, events, page_views`; `path`, `title` and `host` over page views only.

    Raises:
        BadQuestion: `by` is neither a column nor a property.
    """
    dimension = expression(by)
    of_sessions = by in ON_BOTH or by in ON_SESSIONS
    conditions = compile_filters(list(question.filters))
    return ask(
        store,
        "breakdown.sql",
        question,
        {
            "dimension": dimension,
            "source": "sessions FINAL" if of_sessions else "events",
            "at": "started_at" if of_sessions else "timestamp",
            "order": "visitors",
            "pages_only": by in ("path", "title", "host"),
            "conditions": (conditions.sessions if of_sessions else conditions.events)
            + ("" if question.bots else " AND bot = ''"),
        },
        limit=limit,
    )
