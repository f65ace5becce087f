"""Sources: sessions by source, with conversions and revenue. Counted by session, never by event."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from trackway.analyze.language.goals import goals_of
from trackway.analyze.language.money import Money, money
from trackway.analyze.language.period import BadQuestion
from trackway.analyze.language.question import Answer, Question, ask
from trackway.store.connection import Store


class Sources(msgspec.Struct, tag="sources", tag_field="question", kw_only=True):
    """Sessions by source. If nothing is filtered and the metrics do not include `visitors`, `conversions`,
    `converted_sessions` or `revenue`, the hourly counters answer.
    """

    by: list[str] = msgspec.field(default_factory=lambda: ["channel", "source", "medium"])
    metrics: list[str] = []
    limit: int = 200


class SourceRow(msgspec.Struct, kw_only=True):
    """A source: the columns and metrics that were asked for; all others are absent.

    `bounce_rate` is 0 to 1, `duration_s` the mean seconds of a session. `conversions` are events that are goals; for a
    goal that completes orders or bookings, those placed in the period, each once. `revenue` are amounts by currency of
    the orders and bookings placed in the period, less refunds, credited to the session in which they were placed.
    """

    channel: str | msgspec.UnsetType = msgspec.UNSET
    source: str | msgspec.UnsetType = msgspec.UNSET
    medium: str | msgspec.UnsetType = msgspec.UNSET
    campaign: str | msgspec.UnsetType = msgspec.UNSET
    term: str | msgspec.UnsetType = msgspec.UNSET
    content: str | msgspec.UnsetType = msgspec.UNSET
    referrer_host: str | msgspec.UnsetType = msgspec.UNSET
    entry_path: str | msgspec.UnsetType = msgspec.UNSET
    sessions: int | msgspec.UnsetType = msgspec.UNSET
    visitors: int | msgspec.UnsetType = msgspec.UNSET
    bounce_rate: float | msgspec.UnsetType = msgspec.UNSET
    duration_s: float | msgspec.UnsetType = msgspec.UNSET
    page_views: int | msgspec.UnsetType = msgspec.UNSET
    conversions: int | msgspec.UnsetType = msgspec.UNSET
    converted_sessions: int | msgspec.UnsetType = msgspec.UNSET
    revenue: list[Money] | msgspec.UnsetType = msgspec.UNSET


METRICS = (
    "sessions", "visitors", "bounce_rate", "duration_s", "page_views", "conversions", "converted_sessions", "revenue",
)  # fmt: skip
_FEW_HASHED = "query_plan_join_swap_table = 'false'"
"""Sessions are many and conversions few, so the hash table must be built from the conversions."""
_COUNTED = frozenset(["sessions", "bounce_rate", "duration_s", "page_views"])
_COUNTED_BY = frozenset(["channel", "source", "medium", "campaign"])
COLUMNS = ("channel", "source", "medium", "campaign", "term", "content", "referrer_host", "entry_path")


def sources(
    store: Store, question: Question, by: list[str], currency: str, limit: int = 200, metrics: Sequence[str] = METRICS
) -> tuple[Answer, list[SourceRow]]:
    """Count the sessions of a period by the columns in `by`, the most first. Orders without a listed session have the
    channel `Unattributed`, unless the question is filtered or sampled.

    Raises:
        BadQuestion: a column is not part of a source, or a metric is unknown.
    """
    for column in by:
        if column not in COLUMNS:
            raise BadQuestion("by", f"{column!r} is not part of a source; use some of {', '.join(COLUMNS)}")
    for metric in metrics:
        if metric not in METRICS:
            raise BadQuestion("metrics", f"{metric!r} is not a metric; use some of {', '.join(METRICS)}")
    if not by:
        raise BadQuestion("by", f"name one or more of {', '.join(COLUMNS)}")
    counted = question.plain(store) and set(metrics) <= _COUNTED and set(by) <= _COUNTED_BY
    kinds, others = goals_of(question.goals)
    answer = ask(
        store,
        "traffic/sources_counted.sql" if counted else "traffic/sources.sql",
        question,
        {"columns": by, "everything": not question.filters and question.sample >= 1},
        goals=others,
        kinds=kinds,
        currency=currency,
        limit=limit,
        settings=_FEW_HASHED,
    )
    rows = answer.rows()
    for row in rows:
        if "revenue" in row:
            row["revenue"] = [amount for amount in money(row["revenue"]) if amount.amount]
            # These rows are orders of sessions that started before the period, so there is no session to take a mean
            # of.
            row |= {name: row[name] if row["sessions"] else 0.0 for name in ("bounce_rate", "duration_s")}
    return answer, [SourceRow(**{name: row[name] for name in (*by, *metrics)}) for row in rows]
