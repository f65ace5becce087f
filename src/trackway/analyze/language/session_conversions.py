"""Conversions of listed sessions, and their value."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pyarrow as pa

from trackway.analyze.language.question import Answer, Question, ask, moment
from trackway.store.connection import Store

_AT_ONCE = 2000
"""The number of ids in one statement; a bound value has at most 128 KiB."""


def with_conversions(store: Store, question: Question, answer: Answer) -> Answer:
    """Add two columns to a list of sessions: `converted` (whether a goal happened in the session) and
    `conversion_value` (the value of the orders placed in it, less refunds, in the project's currency; 0 without an
    exchange rate).
    """
    table, counts = answer.table, dict[UUID, dict[str, Any]]()
    for start in range(0, table.num_rows, _AT_ONCE):
        part = table.slice(start, _AT_ONCE)
        values: dict[str, Any] = {
            "sessions": part["session_id"].to_pylist(),
            "goals": list(question.goals),
            "since": moment(min(part["started_at"].to_pylist())),
            "until": moment(max(part["ended_at"].to_pylist())),
        }
        counted = ask(store, "language/session_conversions.sql", question, **values)
        counts |= {row["session_id"]: row for row in counted.rows()}
    rows = [counts.get(session_id, {"conversions": 0, "value": 0.0}) for session_id in table["session_id"].to_pylist()]
    table = table.append_column("converted", pa.array([row["conversions"] > 0 for row in rows], pa.bool_()))
    table = table.append_column("conversion_value", pa.array([row["value"] for row in rows], pa.float64()))
    return msgspec.structs.replace(answer, table=table)
