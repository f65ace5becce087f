"""Detects sessions that may still be active."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pyarrow as pa

from trackway.analyze.language.question import Answer, Question, ask, moment
from trackway.store.connection import Store

ACTIVE_FOR = timedelta(minutes=30)
"""The inactivity after which a session has ended (docs/explanation/counting.md)."""


def without_taken_over(store: Store, question: Question, answer: Answer, active_since: str) -> Answer:
    """Correct the column `active` of a list of sessions: a session is not active if another known user has started a
    session of the same visitor since. A change of user ends a session, even without an event in it
    that says so.
    """
    rows = answer.rows()
    began = [row["started_at"] for row in rows if row["active"] and row["user_id"]]
    if not began:
        return answer
    ended = ask(store, "language/taken_over.sql", question, start=moment(min(began)), active_since=active_since)
    taken = {row["session_id"] for row in ended.rows()}
    if not taken:
        return answer
    table = answer.table
    active = [bool(row["active"]) and row["session_id"] not in taken for row in rows]
    table = table.set_column(table.schema.get_field_index("active"), "active", pa.array(active, pa.bool_()))
    return msgspec.structs.replace(answer, table=table)
