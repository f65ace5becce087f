"""Exports of whole tables of a project, in parts that fit into memory regardless of the size of the table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
import pyarrow as pa

from trackway.analyze.language.period import BadQuestion, Period
from trackway.analyze.language.question import Question, ask
from trackway.store.connection import Store

PART = 100_000
"""The approximate number of rows of a part; an hour is never split."""


class _Table(NamedTuple):
    source: str
    at: str
    columns: str
    order: str


_CHANGES = "changes_sessions, changes_bounces, changes_events, changes_page_views, changes_duration_ms"
TABLES = {
    "events": _Table(
        "events", "timestamp", "* REPLACE (toJSONString(properties) AS properties)", "timestamp, event_id"
    ),
    "sessions": _Table("sessions FINAL", "started_at", f"* EXCEPT (gone, {_CHANGES})", "started_at, session_id"),
    "visitors": _Table("visitors FINAL", "first_seen", "*", "first_seen, visitor_id"),
}


class Part(NamedTuple):
    """A stretch of time, and the number of rows in it."""

    period: Period
    rows: int


def parts(store: Store, question: Question, table: str) -> list[Part]:
    """Split the rows of a table into stretches of time that can be read one after the other.

    Visitors belong to the period in which they were first seen; filters apply to events and sessions only.

    Raises:
        BadQuestion: there is no such table, or filters are given for visitors.
    """
    if table not in TABLES:
        raise BadQuestion("table", f"{table!r} cannot be exported; there are {', '.join(TABLES)}")
    if table == "visitors" and question.filters:
        raise BadQuestion("filter", "visitors are exported whole; export events or sessions with filters")
    hours = ask(store, "data/export_hours.sql", question, _shape(table)).rows()
    planned: list[Part] = []
    for row in hours:
        start = datetime.fromtimestamp(row["hour"], UTC)
        end = start + timedelta(hours=1)
        last = planned[-1] if planned else None
        if last is not None and last.rows + row["n"] <= PART:
            planned[-1] = Part(Period(last.period.start, end), last.rows + row["n"])
        else:
            planned.append(Part(Period(start, end), row["n"]))
    return planned


def read(store: Store, question: Question, table: str, planned: list[Part]) -> Iterator[pa.Table]:
    """Read the rows part by part, in order of time."""
    for part in planned:
        # The first and the last hour may extend beyond the period.
        period = Period(max(part.period.start, question.period.start), min(part.period.end, question.period.end))
        yield ask(store, "data/export.sql", msgspec.structs.replace(question, period=period), _shape(table)).table


def _shape(table: str) -> dict[str, object]:
    return {"of": TABLES[table], "table": table}
