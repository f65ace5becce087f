"""Sessions: a list that can be sorted and filtered, and totals."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from trackway.analyze.language.active_sessions import ACTIVE_FOR, without_taken_over
from trackway.analyze.language.period import BadQuestion, page
from trackway.analyze.language.question import Answer, Question, ask, moment
from trackway.analyze.language.session_conversions import with_conversions
from trackway.analyze.traffic.feed import newest_sessions
from trackway.store.connection import Store

SORTS = ("started_at", "ended_at", "duration_s", "events", "page_views", "entry_path", "exit_path", "country", "source")


class Sessions(msgspec.Struct, tag="sessions", tag_field="question", kw_only=True):
    """Sessions that started in the period: totals, and a page of the list."""

    sort: str = "started_at"
    descending: bool = True
    limit: int = 50
    offset: int = 0


def sessions(store: Store, question: Question, asked: Sessions, now: datetime) -> tuple[list[Answer], dict[str, Any]]:
    """Return sessions and their totals.

    Returns:
        The answers, and `{"totals": …, "rows": …}`. Rows have `converted` and `conversion_value`
        (`language/session_conversions.py`). In the totals, `ended` is the number of sessions that were closed, were
        taken over by another user or have been silent for 30 minutes, `end_rate` their share, `bounce_rate` the share
        of sessions with at most one act, `depth` the mean number of page views; durations are in seconds.

    Raises:
        BadQuestion: `sort` is unknown.
    """
    if asked.sort not in SORTS:
        raise BadQuestion("sort", f"{asked.sort!r}: sort by one of {', '.join(SORTS)}")
    page(asked.limit, asked.offset)
    since = moment(now - ACTIVE_FOR)
    totals = ask(store, "traffic/session_totals.sql", question, active_since=since)
    if (asked.sort, asked.descending, asked.offset) == ("started_at", True, 0):
        listed = newest_sessions(store, question, now, asked.limit)
    else:
        listed = ask(
            store, "traffic/sessions.sql", question,
            {"order": f"{asked.sort} {'DESC' if asked.descending else 'ASC'}, "},
            since=moment(question.period.start), until=moment(question.period.end), active_since=since,
            limit=asked.limit, offset=asked.offset,
        )  # fmt: skip
        listed = with_conversions(store, question, without_taken_over(store, question, listed, since))
    return [totals, listed], {"totals": totals.rows()[0], "rows": listed.rows()}
