"""Feeds: the newest events and sessions, page by page.

Events are sorted by name and then time, so the newest of all names are found by looking at the last minutes first and
further back only until the page is full.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa

from trackway.analyze.conversions import with_conversions
from trackway.analyze.question import Answer, Question, ask, moment
from trackway.store.connection import Store

ACTIVE_FOR = timedelta(minutes=30)
_WINDOWS = (timedelta(minutes=5), timedelta(hours=1), timedelta(days=1), timedelta(days=8), timedelta(days=60))


def newest_events(store: Store, question: Question, limit: int = 100, until: datetime | None = None) -> Answer:
    """The period's newest events before `until`, newest first."""
    return _widen(store, "events.sql", question, limit, until, {})


def newest_sessions(
    store: Store, question: Question, now: datetime, limit: int = 50, until: datetime | None = None
) -> Answer:
    """The period's newest sessions that started before `until`; `active` says that a session may still go on."""
    since = moment(now - ACTIVE_FOR)
    values = {"active_since": since, "offset": 0}
    found = _widen(store, "sessions.sql", question, limit, until, values, {"order": ""})
    return with_conversions(store, question, without_taken_over(store, question, found, since))


def without_taken_over(store: Store, question: Question, answer: Answer, active_since: str) -> Answer:
    """A list of sessions of which none is `active` any more after another known user began one of the same visitor:
    a change of user ends a session (DESIGN.md §5.4), though nothing happens in it that would say so.
    """
    rows = answer.rows()
    began = [row["started_at"] for row in rows if row["active"] and row["user_id"]]
    if not began:
        return answer
    ended = ask(store, "taken_over.sql", question, start=moment(min(began)), active_since=active_since)
    taken = {row["session_id"] for row in ended.rows()}
    if not taken:
        return answer
    table = answer.table
    active = [bool(row["active"]) and row["session_id"] not in taken for row in rows]
    table = table.set_column(table.schema.get_field_index("active"), "active", pa.array(active, pa.bool_()))
    return msgspec.structs.replace(answer, table=table)


def _widen(
    store: Store,
    template: str,
    question: Question,
    limit: int,
    until: datetime | None,
    values: dict[str, Any],
    structure: dict[str, Any] | None = None,
) -> Answer:
    start, end = question.period.start, min(until or question.period.end, question.period.end)
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
