"""Sessions: a list that can be sorted and filtered, and totals."""

from __future__ import annotations

from datetime import datetime

import msgspec

from trackway.analyze.language.active_sessions import ACTIVE_FOR, without_taken_over
from trackway.analyze.language.period import BadQuestion, page
from trackway.analyze.language.question import Answer, Question, ask, moment
from trackway.analyze.language.rows import SessionRow
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


class SessionTotals(msgspec.Struct, kw_only=True):
    """Totals of sessions. `ended` were closed, were taken over by another user or have been silent for 30 minutes;
    `bounces` have at most one act; rates are shares of the sessions, 0 to 1. Durations are in seconds; `depth` is the
    mean number of page views, `events_each` that of events. None without sessions.
    """

    sessions: int
    visitors: int
    ended: int
    end_rate: float | None
    bounces: int
    bounce_rate: float | None
    mean_duration_s: float | None
    median_duration_s: float | None
    depth: float | None
    events_each: float | None


class SessionsAnswer(msgspec.Struct):
    """Totals, and a page of the list."""

    totals: SessionTotals
    rows: list[SessionRow]


def sessions(store: Store, question: Question, asked: Sessions, now: datetime) -> tuple[list[Answer], SessionsAnswer]:
    """List sessions, with their totals.

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
    [total] = totals.structs(SessionTotals)
    return [totals, listed], SessionsAnswer(total, listed.structs(SessionRow))
