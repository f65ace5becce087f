"""Breakdown: visitors, and sessions or events, by one column or property."""

from __future__ import annotations

import msgspec

from trackway.analyze.language.columns import column
from trackway.analyze.language.filters import Group
from trackway.analyze.language.period import BadQuestion, page
from trackway.analyze.language.question import Answer, Question, ask, compiler, everybody
from trackway.store.connection import Store


class Breakdown(msgspec.Struct, tag="breakdown", tag_field="question", kw_only=True):
    """The period by the values of the column or property `by`."""

    by: str
    limit: int = 100


class BreakdownRow(msgspec.Struct, kw_only=True):
    """The visitors with a value, with their page views. Sessions (and their `bounce_rate`, the share with at most one
    act, 0 to 1) are counted for columns of sessions, events for all others.
    """

    value: str
    visitors: int
    sessions: int | msgspec.UnsetType = msgspec.UNSET
    events: int | msgspec.UnsetType = msgspec.UNSET
    bounce_rate: float | msgspec.UnsetType = msgspec.UNSET
    page_views: int


def breakdown(store: Store, question: Question, by: str, limit: int = 100) -> Answer:
    """Break a period down by the values of `by`, the most visitors first.

    Columns of sessions (source, place, device, entry page) are counted over sessions that started in the period:
    `value, visitors, sessions, bounce_rate, page_views`. All others are counted over events: `value, visitors, events,
    page_views`; `path`, `title` and `host` over page views only.

    Raises:
        BadQuestion: `by` is neither a column nor a property, or the limit is out of range.
    """
    page(limit)
    dimension = column(by)
    if not (dimension.events or dimension.sessions):
        raise BadQuestion("by", f"{by!r} is a column of neither events nor sessions")
    conditions = compiler(store, question)
    nodes = Group("all", question.filters)
    where = conditions.on_sessions(nodes) if dimension.sessions else conditions.on_events(nodes)
    return ask(
        store,
        "traffic/breakdown.sql",
        question,
        {
            "dimension": conditions.column(by).text,
            "source": "sessions FINAL" if dimension.sessions else "events",
            "at": "started_at" if dimension.sessions else "timestamp",
            "of_sessions": dimension.sessions,
            "pages_only": by in ("path", "title", "host"),
            "conditions": f"AND {where}{everybody(question, conditions)}",
        },
        conditions,
        limit=limit,
    )
