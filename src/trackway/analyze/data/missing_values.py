"""Notes on filters that match nothing because the value does not exist, with the values that do exist."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from trackway.analyze.data.names import PropertyValues, values
from trackway.analyze.language.columns import BOTH, EVENT, SESSION, column
from trackway.analyze.language.filters import Condition, Did, Group, Node
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Question, ask
from trackway.store.connection import Store

_FINDING = frozenset(["is", "contains", "starts_with", "ends_with", "matches", "includes"])
_OF_ONE = frozenset(["visitor_id", "user_id", "session_id", "message_id"])
"""Columns without notes: a buyer may have no event, and ids are too many to list."""
_SHOWN = 5
_MOST = 10


class Note(msgspec.Struct):
    """A condition of a filter that nothing in the period meets: its column and values, the most frequent values that
    exist (`there`), and a sentence with these facts.
    """

    column: str
    values: list[Any]
    there: list[str]
    message: str


def lacking(store: Store, question: Question) -> list[Note]:
    """Return a note for each condition of a question that nothing in its period meets."""
    conditions = [condition for node in question.filters for condition in _finding(node)]
    return [note for condition in conditions[:_MOST] if (note := _lacks(store, question, condition)) is not None]


def _finding(node: Node | None) -> Iterator[Condition]:
    """Return the conditions that must be met by something for a filter to match anything."""
    if isinstance(node, Group):
        for member in node.members if node.how != "not" else ():
            yield from _finding(member)
    elif isinstance(node, Did) and node.did:
        yield Condition("name", "is", (node.event,))
        yield from _finding(node.where)
    elif (
        isinstance(node, Condition)
        and node.operator in _FINDING
        and node.column not in _OF_ONE
        and column(node.column).of in (BOTH, EVENT, SESSION)
    ):
        yield node


def _lacks(store: Store, question: Question, condition: Condition) -> Note | None:
    if condition.column == "name":  # past events may lie before the period
        ever = Period(datetime(1970, 1, 1, tzinfo=UTC), question.period.end)
        question = msgspec.structs.replace(question, period=ever)
    alone = msgspec.structs.replace(question, filters=(condition,), sample=1.0)
    if ask(store, "data/missing_values.sql", alone).rows()[0]["n"]:
        return None
    there: list[str] = []
    if column(condition.column).events:
        unfiltered = msgspec.structs.replace(alone, filters=())
        _, rows = values(store, unfiltered, PropertyValues(of=condition.column, limit=_SHOWN))
        there = [row.value for row in rows]
    wanted = " or ".join(repr(str(value)) for value in condition.values)
    most = f"; the most frequent are {', '.join(there)}" if there else ""
    how = condition.operator.replace("_", " ")
    message = f"nothing in this period has a {condition.column} that {how} {wanted}{most}"
    return Note(condition.column, list(condition.values), there, message)
