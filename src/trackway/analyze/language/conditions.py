"""Compiles filters to SQL conditions with bound values, on events, sessions, people or customers.

This module puts conditions together, because a filter is a tree of any depth; the subqueries are in conditions.sql.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from functools import cached_property
from typing import Any

from trackway.analyze.language.columns import (
    CUSTOMER,
    EVENT,
    JOURNEY,
    PERSON,
    PREDICTION,
    SESSION,
    TRAIT,
    VISITOR,
    Column,
    column,
    of_person,
)
from trackway.analyze.language.customer_columns import CUSTOMER as OF_CUSTOMERS
from trackway.analyze.language.customer_columns import TABLES
from trackway.analyze.language.filters import (
    LIST,
    SAME,
    SIZE,
    TEXT,
    TIMES,
    Condition,
    Did,
    Group,
    Member,
    Node,
    Value,
    number_of,
    time_of,
)
from trackway.analyze.language.journeys import Everybody, column_sql, list_sql
from trackway.analyze.language.predictions import bands, rows_of
from trackway.statements import Statements

_sql = Statements(__name__)
_OF_CUSTOMERS_TOO = frozenset(["user_id", "visitor_id", "visitor_name"])
_OF_THEIR_SESSIONS = {"device": "devices", "browser": "browsers", "system": "systems", "country": "countries"}
"""Columns for which `customers` stores, for each person, the number of sessions with each value."""


class Values:
    """The bound values of a statement, by name."""

    def __init__(self) -> None:
        self.parameters: dict[str, Any] = {}

    def bind(self, value: object, kind: str) -> str:
        """Bind a value and return its placeholder."""
        name = f"v{len(self.parameters)}"
        self.parameters[name] = value
        return f"{{{name}:{kind}}}"


_COMMENTS = re.compile(r"(?:\s*--[^\n]*\n)*\s*")


class Compiler:
    """Compiles filters for one statement.

    Args:
        whose: returns the SQL of a row's person; called only when a statement needs it.
        journeys: returns the stages or intents of everybody, by the name of the column; called only when needed.
    """

    def __init__(self, whose: Callable[[], str], journeys: Callable[[str, Compiler], Everybody]) -> None:
        self._whose, self._journeys = whose, journeys
        self._names: dict[str, str] = {}
        self._lists: dict[str, str] = {}
        self.values = Values()

    @cached_property
    def person(self) -> str:
        """The SQL of a row's person."""
        return self._whose()

    def column(self, name: str) -> Column:
        """Return a column with the SQL that it has in this statement."""
        target = column(name)
        if target.of not in (JOURNEY, PREDICTION):
            return target
        if target.of == PREDICTION and name not in self._names:
            self._names[name] = bands(name, self.person, self.values.bind)
        if name not in self._names:
            everybody = self._journeys(name, self)
            self._lists[f"everybodys_{name}"] = list_sql(everybody)
            self._names[name] = column_sql(everybody, f"everybodys_{name}", self.person, self.values.bind)
        return target.named(self._names[name])

    def with_lists(self, sql: str) -> str:
        """Return a statement with the lists that its columns look people up in, before all else: there the engine makes
        each of them once, however often it is used and however deep.
        """
        if not self._lists:
            return sql
        comments = next(_COMMENTS.finditer(sql)).group()  # those before the statement
        body = sql.removeprefix(comments)
        lists = ",\n".join(f"({select}) AS {name}" for name, select in self._lists.items())
        own = f",\n{body.removeprefix('WITH ')}" if body.startswith("WITH ") else f"\n{body}"
        return f"{comments}WITH {lists}{own}"

    def on_events(self, node: Node) -> str:
        """Compile a condition on rows of events."""
        if isinstance(node, Group):
            return self._group(node, self.on_events)
        if isinstance(node, Condition) and (target := column(node.column)).of == SESSION:
            return _in("session_id", _sql("sessions_where", condition=self._condition(node, target)))
        return self._either(node)

    def on_sessions(self, node: Node) -> str:
        """Compile a condition on rows of sessions. Conditions on columns that only events have must hold for one event
        of the session.
        """
        if self._about_events_only(node):
            return _in("session_id", _sql("sessions_with_event", condition=self.on_events(node)))
        if isinstance(node, Group):
            if node.how == "all":
                together = tuple(member for member in node.members if self._about_events_only(member))
                apart = tuple(member for member in node.members if member not in together)
                node = Group("all", (*apart, Group("all", together)) if together else apart)
            return self._group(node, self.on_sessions)
        return self._either(node)

    def on_customers(self, node: Node, names: dict[str, str]) -> str:
        """Compile a condition on customers, with one row for each person.

        Args:
            names: receives, for each customer column of the condition, its name in that row.
        """
        if isinstance(node, Group):
            return self._group(node, lambda member: self.on_customers(member, names))
        if isinstance(node, Condition) and (target := column(node.column)).of == CUSTOMER:
            name = names.setdefault(node.column, f"c{len(names)}")
            return self._condition(node, target.over(name))
        return self.on_people(node)

    def on_people(self, node: Node) -> str:
        """Compile a condition on rows that have an `identity` and no other usable column. Conditions on columns of
        sessions must hold for one session of the person.
        """
        if isinstance(node, Group):
            return self._group(node, self.on_people)
        if not isinstance(node, Condition) or column(node.column).of in (CUSTOMER, PERSON, TRAIT, JOURNEY, PREDICTION):
            return self._either(node)
        if counts := _OF_THEIR_SESSIONS.get(node.column):
            condition = self._condition(node, column(node.column).named("value"))
            return self._people("people_by_session_counts", counts=counts, condition=condition)
        if node.column in _OF_CUSTOMERS_TOO:
            return self._people("customers_where", condition=self._condition(node, column(node.column)))
        return self._people("people_with_session", condition=self.on_sessions(node))

    def _people(self, subquery: str, *, without: bool = False, **structure: Hashable) -> str:
        """Compile the condition that a row's person is one of those that a subquery selects, or not one of them."""
        return _in(self.person, _sql(subquery, person=self.person, **structure), without)

    def _group(self, node: Group, compile_: Callable[[Node], str]) -> str:
        if not node.members:
            return "1" if node.how == "all" else "0"
        if node.how == "not":
            return f"NOT ({compile_(node.members[0])})"
        joint = " AND " if node.how == "all" else " OR "
        return f"({joint.join(compile_(member) for member in node.members)})"

    def _about_events_only(self, node: Node) -> bool:
        if isinstance(node, Group):
            return bool(node.members) and all(self._about_events_only(member) for member in node.members)
        return isinstance(node, Condition) and column(node.column).of == EVENT

    def _either(self, node: Node) -> str:
        """Compile a condition that has the same SQL on events and on sessions."""
        if isinstance(node, Did):
            return self._did(node)
        if isinstance(node, Member):
            return self._people("people_of_cohort", cohort=self.values.bind(node.cohort_id, "UUID"))
        assert isinstance(node, Condition)
        if column(node.column).of == PREDICTION:
            return self._prediction(node)
        target = self.column(node.column)
        if target.of == CUSTOMER:
            return self._customer(node, target)
        if target.of == TRAIT:
            condition = self._condition(node, target.named("trait"))
            return self._people("people_by_trait", newest=target.text, condition=condition)
        condition = self._condition(node, target)
        if target.of == VISITOR:
            return _in("visitor_id", _sql("visitors_where", condition=condition))
        if target.of == PERSON:
            return self._people("people_by_sessions", aggregate=of_person(node.column), condition=condition)
        return condition

    def _customer(self, node: Condition, target: Column) -> str:
        of = OF_CUSTOMERS[node.column]
        condition = self._condition(node, target)
        # A person without rows in the table counts as 0, so they match when the condition holds for 0.
        without = of.how in ("sum", "groupBitOr") and _holds_for_zero(node)
        return self._people(
            "people_by_customer_rows",
            without=without,
            rows=TABLES[of.table],
            aggregate=f"{of.how}({of.row})",
            condition=f"NOT ({condition})" if without else condition,
        )

    def _prediction(self, node: Condition) -> str:
        # People without a prediction have no row, so what is not set is compiled as not among those who have one.
        without = node.operator == "not_set"
        condition = "1" if node.operator in ("set", "not_set") else self._condition(node, column(node.column))
        return self._people(
            "people_by_customer_rows", without=without, rows=rows_of(node.column, self.values.bind),
            aggregate="max(prediction)", condition=condition,
        )  # fmt: skip

    def _did(self, node: Did) -> str:
        event = self.values.bind(node.event, "String")
        condition = self.on_events(node.where) if node.where is not None else ""
        # People who never did it have no rows to count, so "at most" is compiled as "not more often".
        at_most = node.compare == "at_most"
        return self._people(
            "people_by_times",
            without=node.did == at_most,
            event=event,
            days=int(node.days or 0),
            condition=condition,
            compare=">" if at_most else TIMES[node.compare],
            times=int(node.times),
        )

    def _condition(self, node: Condition, target: Column) -> str:
        operator = SAME.get(node.operator, node.operator)
        if operator in ("set", "not_set"):
            return f"{target.text} {'!=' if operator == 'set' else '='} ''"
        if operator in TEXT:
            bound = self.values.bind([as_text(value) for value in node.values], "Array(String)")
            return TEXT[operator].format(c=target.text, v=bound)
        if operator in LIST:
            bound = self.values.bind([as_text(value) for value in node.values], "Array(String)")
            return LIST[operator].format(c=target.list, v=bound)
        numbers = [number_of(value) for value in node.values]
        if None not in numbers:
            sql, bounds = target.number, [self.values.bind(number, "Float64") for number in numbers]
        else:
            bounds = [self.values.bind(time_of(value), "DateTime64(3, 'UTC')") for value in node.values]
            sql = target.time
        if operator == "between":
            return f"ifNull({sql} BETWEEN {bounds[0]} AND {bounds[1]}, 0)"
        return f"ifNull({SIZE[operator].format(c=sql, v=bounds[0])}, 0)"


def _in(what: str, subquery: str, without: bool = False) -> str:
    return f"{what} {'NOT IN' if without else 'IN'} ({subquery})"


def _holds_for_zero(node: Condition) -> bool:
    """Whether a condition on a count holds for 0."""
    numbers = [number_of(value) or 0.0 for value in node.values]
    match node.operator:
        case "less":
            return numbers[0] > 0
        case "at_most":
            return numbers[0] >= 0
        case "greater":
            return numbers[0] < 0
        case "at_least":
            return numbers[0] <= 0
        case "between":
            return numbers[0] <= 0 <= numbers[1]
        case "is":
            return 0.0 in numbers
    return False


def as_text(value: Value) -> str:
    """Convert a value to text as the engine does."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
