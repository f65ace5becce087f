"""Visitors: the list, and one visitor's profile."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa

from trackway.analyze.language.money import Money, money
from trackway.analyze.language.period import page
from trackway.analyze.language.question import Answer, Question, ask
from trackway.store.connection import Store

MOST_LOOKED_UP = 100
_BY_CURRENCY = pa.map_(pa.string(), pa.decimal128(38, 4))


class Visitors(msgspec.Struct, tag="visitors", tag_field="question", kw_only=True):
    """The visitors who have events in the period, the last seen first. `search` finds a part of the friendly name or a
    whole id.
    """

    search: str = ""
    limit: int = 50
    offset: int = 0


class Visitor(msgspec.Struct, tag="visitor", tag_field="question", kw_only=True):
    """One visitor, bot or not, over all time; the newest `limit` events before a time."""

    visitor_id: str
    before: datetime | None = None
    limit: int = 200


class VisitorRow(msgspec.Struct):
    """A visitor, with totals over all time. `revenue` is the amount of orders and bookings, less refunds, that belong
    to the visitor according to their latest event (enrich/orders.py); `bot` is the reason for which the visitor is
    taken for a bot, or empty.
    """

    visitor_id: str
    visitor_name: str
    first_seen: datetime
    last_seen: datetime
    sessions: int
    events: int
    page_views: int
    bot: str
    revenue: list[Money]


def visitors(
    store: Store, question: Question, search: str = "", limit: int = 50, offset: int = 0
) -> tuple[Answer, list[VisitorRow]]:
    """List the visitors who have events in the period that match the filters, the last seen first.

    `search` finds a part of the friendly name or a whole id.
    """
    page(limit, offset)
    counters = {"counted": question.plain(store), "activity": store.persons.activity}
    shape = {"by_ids": False, "search": bool(search), **counters}
    answer = ask(store, "people/visitors.sql", question, shape, search=search, limit=limit, offset=offset)
    return answer, _shown(store, question, answer)


def visitor(store: Store, question: Question, visitor_id: str) -> tuple[Answer, VisitorRow | None]:
    """Return one visitor's totals over all time, or None when nobody has this id."""
    answer = _by_id(store, question, [visitor_id])
    rows = _shown(store, question, answer)
    return answer, rows[0] if rows else None


def profiles(store: Store, question: Question, ids: list[str]) -> dict[str, dict[str, Any]]:
    """Return the profile of each known visitor, by id: name, first and last seen, sessions, events, page views, bot
    reason.
    """
    return {row["visitor_id"]: row for row in _by_id(store, question, ids).rows()}


def _by_id(store: Store, question: Question, ids: list[str]) -> Answer:
    return ask(
        store, "people/visitors.sql", question, {"by_ids": True, "search": False}, ids=ids, limit=len(ids), offset=0
    )


def _shown(store: Store, question: Question, answer: Answer) -> list[VisitorRow]:
    """Return the rows of an answer, and add the column `revenue` to the answer."""
    ids = answer.table["visitor_id"].to_pylist()
    brought = ask(store, "people/visitors_revenue.sql", question, ids=ids).rows() if ids else []
    revenue_of = {row["visitor_id"]: row["revenue"] for row in brought}
    revenue = pa.array([revenue_of.get(visitor_id) or [] for visitor_id in ids], _BY_CURRENCY)
    answer.table = answer.table.append_column("revenue", revenue)
    return [VisitorRow(**{**row, "revenue": money(row["revenue"])}) for row in answer.rows()]
