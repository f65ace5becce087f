"""Breakdown: visitors, and sessions or events, by one column or property."""

from __future__ import annotations

from trackway.analyze.language.columns import column
from trackway.analyze.language.filters import Group
from trackway.analyze.language.period import BadQuestion
from trackway.analyze.language.question import Answer, Question, ask, compiler, everybody
from trackway.store.connection import Store


def breakdown(store: Store, question: Question, by: str, limit: int = 100) -> Answer:
    """Break a period down by the values of `by`, the most visitors first.

    Columns of sessions (source, place, device, entry page) are counted over sessions that started in the period:
    `value, visitors, sessions, bounce_rate, page_views`. All others are counted over events: `value, visitors, events,
    page_views`; `path`, `title` and `host` over page views only.

    Raises:
        BadQuestion: `by` is neither a column nor a property.
    """
    found = column(by)
    if not (found.events or found.sessions):
        raise BadQuestion("by", f"{by!r} is a column of neither events nor sessions")
    conditions = compiler(store)
    nodes = Group("all", question.filters)
    where = conditions.on_sessions(nodes) if found.sessions else conditions.on_events(nodes)
    return ask(
        store,
        "traffic/breakdown.sql",
        question,
        {
            "dimension": found.text,
            "source": "sessions FINAL" if found.sessions else "events",
            "at": "started_at" if found.sessions else "timestamp",
            "of_sessions": found.sessions,
            "pages_only": by in ("path", "title", "host"),
            "conditions": f"AND {where}{everybody(question, conditions)}",
        },
        conditions,
        limit=limit,
    )
