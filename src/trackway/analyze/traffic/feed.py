"""Feeds: the newest events and sessions, page by page.

Events are sorted by name and then by time. To find the newest of all names, the last minutes are read first, and
earlier ones only until the page is full.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from trackway.analyze.language.active_sessions import ACTIVE_FOR, without_taken_over
from trackway.analyze.language.period import page
from trackway.analyze.language.question import Answer, Question, ask, moment
from trackway.analyze.language.session_conversions import with_conversions
from trackway.store.connection import Store

_WINDOWS = (timedelta(minutes=5), timedelta(hours=1), timedelta(days=1), timedelta(days=8), timedelta(days=60))


class NewestEvents(msgspec.Struct, tag="newest_events", tag_field="question", kw_only=True):
    """The newest events of the period, or the newest before a time."""

    before: datetime | None = None
    limit: int = 100


class NewestSessions(msgspec.Struct, tag="newest_sessions", tag_field="question", kw_only=True):
    """The newest sessions of the period, or the newest that started before a time."""

    before: datetime | None = None
    limit: int = 50


def newest_events(store: Store, question: Question, limit: int = 100, until: datetime | None = None) -> Answer:
    """Return the period's newest events before `until`, the newest first."""
    return _widen(store, "traffic/events.sql", question, limit, until, {})


def newest_sessions(
    store: Store, question: Question, now: datetime, limit: int = 50, until: datetime | None = None
) -> Answer:
    """Return the period's newest sessions that started before `until`; `active` sessions may still continue."""
    since = moment(now - ACTIVE_FOR)
    values = {"active_since": since, "offset": 0}
    newest = _widen(store, "traffic/sessions.sql", question, limit, until, values, {"order": ""})
    return with_conversions(store, question, without_taken_over(store, question, newest, since))


def _widen(
    store: Store,
    template: str,
    question: Question,
    limit: int,
    until: datetime | None,
    values: dict[str, Any],
    structure: dict[str, Any] | None = None,
) -> Answer:
    page(limit)
    start, end = question.period
    if until is not None:
        end = min(end, until if until.tzinfo is not None else until.replace(tzinfo=UTC))
    for window in _WINDOWS:
        since = end - window
        if since <= start:
            break
        answer = ask(
            store, template, question, structure, since=moment(since), until=moment(end), limit=limit, **values
        )
        if answer.table.num_rows >= limit:
            return answer
    return ask(store, template, question, structure, since=moment(start), until=moment(end), limit=limit, **values)
