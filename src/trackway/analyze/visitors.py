"""Visitors: the list, and one visitor's profile."""

from __future__ import annotations

from typing import Any

from trackway.analyze.overview import amounts
from trackway.analyze.question import Answer, Question, ask
from trackway.store.connection import Store

MOST_LOOKED_UP = 100


def visitors(
    store: Store, question: Question, search: str = "", limit: int = 50, offset: int = 0
) -> tuple[Answer, list[dict[str, Any]]]:
    """Visitors who were here in the period, the last seen first; totals are over all time.

    `search` finds a part of the friendly name or a whole id.
    """
    shape = {"one": False, "search": bool(search)}
    answer = ask(store, "visitors.sql", question, shape, search=search, limit=limit, offset=offset)
    return answer, _shown(answer)


def visitor(store: Store, question: Question, visitor_id: str) -> tuple[Answer, dict[str, Any] | None]:
    """One visitor's totals over all time, or None when nobody has this id."""
    shape = {"one": True, "search": False}
    answer = ask(store, "visitors.sql", question, shape, visitor=visitor_id, limit=1, offset=0)
    rows = _shown(answer)
    return answer, rows[0] if rows else None


def profiles(store: Store, question: Question, ids: list[str]) -> dict[str, dict[str, Any]]:
    """Of each visitor who was ever seen, by id: name, first and last seen, sessions, events, page views, bot or not."""
    rows = ask(store, "profiles.sql", question, ids=ids).rows()
    return {row["visitor_id"]: row for row in rows}


def _shown(answer: Answer) -> list[dict[str, Any]]:
    return [{**row, "revenue": amounts(row["revenue"])} for row in answer.rows()]
