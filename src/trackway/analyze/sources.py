"""Sources: sessions by where they came from, with conversions and revenue. Counted by session, never by event."""

from __future__ import annotations

from typing import Any

from trackway.analyze.overview import amounts
from trackway.analyze.period import BadQuestion
from trackway.analyze.question import Answer, Question, ask
from trackway.store.connection import Store

COLUMNS = ("channel", "source", "medium", "campaign", "term", "content", "referrer_host", "entry_path")


def sources(
    store: Store, question: Question, by: list[str], currency: str, limit: int = 200
) -> tuple[Answer, list[dict[str, Any]]]:
    """Sessions of a period by the columns in `by`, most first.

    Returns:
        The answer, and rows of `by`'s columns with `sessions`, `visitors`, `bounce_rate` (0 to 1), `duration_s`,
        `page_views`, `conversions` (events that are goals), `converted_sessions` and `revenue` by currency.

    Raises:
        BadQuestion: a column that is not a source's.
    """
    for column in by:
        if column not in COLUMNS:
            raise BadQuestion("by", f"{column!r} is not part of a source; use some of {', '.join(COLUMNS)}")
    answer = ask(
        store,
        "sources.sql",
        question,
        {"columns": by},
        goals=list(question.goals),
        currency=currency,
        limit=limit,
    )
    return answer, [{**row, "revenue": amounts(row["revenue"])} for row in answer.rows()]
