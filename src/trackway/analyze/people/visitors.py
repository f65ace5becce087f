"""Visitors: the list, and one visitor's profile."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from trackway.analyze.language.money import amounts
from trackway.analyze.language.question import Answer, Question, ask
from trackway.store.connection import Store

MOST_LOOKED_UP = 100
_BY_CURRENCY = pa.map_(pa.string(), pa.decimal128(38, 4))


def visitors(
    store: Store, question: Question, search: str = "", limit: int = 50, offset: int = 0
) -> tuple[Answer, list[dict[str, Any]]]:
    """Visitors who were here in the period, the last seen first; totals are over all time. `revenue` is what orders and
    bookings come to, less refunds, that are the visitor's by what was told of them last (enrich/orders.py).

    `search` finds a part of the friendly name or a whole id.
    """
    shape = {"one": False, "search": bool(search)}
    answer = ask(store, "people/visitors.sql", question, shape, search=search, limit=limit, offset=offset)
    return answer, _shown(store, question, answer)


def visitor(store: Store, question: Question, visitor_id: str) -> tuple[Answer, dict[str, Any] | None]:
    """One visitor's totals over all time, or None when nobody has this id."""
    answer = _by_id(store, question, [visitor_id])
    rows = _shown(store, question, answer)
    return answer, rows[0] if rows else None


def profiles(store: Store, question: Question, ids: list[str]) -> dict[str, dict[str, Any]]:
    """Of each visitor who was ever seen, by id: name, first and last seen, sessions, events, page views, bot or not."""
    return {row["visitor_id"]: row for row in _by_id(store, question, ids).rows()}


def _by_id(store: Store, question: Question, ids: list[str]) -> Answer:
    return ask(
        store, "people/visitors.sql", question, {"one": True, "search": False}, ids=ids, limit=len(ids), offset=0
    )


def _shown(store: Store, question: Question, answer: Answer) -> list[dict[str, Any]]:
    """The rows of an answer, which gets the column `revenue`."""
    ids = answer.table["visitor_id"].to_pylist()
    brought = ask(store, "people/visitors_revenue.sql", question, ids=ids).rows() if ids else []
    of = {row["visitor_id"]: row["revenue"] for row in brought}
    answer.table = answer.table.append_column("revenue", pa.array([of.get(one) or [] for one in ids], _BY_CURRENCY))
    return [{**row, "revenue": amounts(row["revenue"])} for row in answer.rows()]
