"""Compiles filters to SQL conditions with bound values, on events, sessions, people or customers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from trackway.analyze.language.columns import (
    CUSTOMER,
    EVENT,
    PERSON,
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


class Compiler:
    """Compiles filters for one statement.

    Args:
        whose: returns the SQL of a row's person; called only when a statement needs it.
    """

    def __init__(self, whose: Callable[[], str]) -> None:
        self._whose = whose
        self.values = Values()

    @cached_property
    def person(self) -> str:
        """The SQL of a row's person."""
        return self._whose()

    def on_events(self, node: Node) -> str:
        """Compile a condition on rows of events."""
        if isinstance(node, Group):
            return self._group(node, self.on_events)
        if isinstance(node, Condition) and column(node.column).of == SESSION:
            return f"session_id IN ({self._sessions(node)})"
        return self._either(node)

    def on_sessions(self, node: Node) -> str:
        """Compile a condition on rows of sessions. Conditions on columns that only events have must hold for one event
        of the session.
        """
        if self._about_events_only(node):
            return f"session_id IN ({self._events(node)})"
        if isinstance(node, Group):
            if node.how == "all":
                together = tuple(one for one in node.members if self._about_events_only(one))
                apart = tuple(one for one in node.members if one not in together)
                node = Group("all", (*apart, Group("all", together)) if together else apart)
            return self._group(node, self.on_sessions)
        return self._either(node)

    def on_customers(self, node: Node, names: dict[str, str]) -> str:
        """Compile a condition on customers, with one row for each person.

        Args:
            names: receives, for each customer column of the condition, its name in that row.
        """
        if isinstance(node, Group):
            return self._group(node, lambda one: self.on_customers(one, names))
        if isinstance(node, Condition) and (found := column(node.column)).of == CUSTOMER:
            name = names.setdefault(node.column, f"c{len(names)}")
            return self._condition(node, found.over(name))
        return self.on_people(node)

    def on_people(self, node: Node) -> str:
        """Compile a condition on rows that have an `identity` and no other usable column. Conditions on columns of
        sessions must hold for one session of the person.
        """
        if isinstance(node, Group):
            return self._group(node, self.on_people)
        if not isinstance(node, Condition) or column(node.column).of in (CUSTOMER, PERSON, TRAIT):
            return self._either(node)
        if counts := _OF_THEIR_SESSIONS.get(node.column):
            holds = self._condition(node, column(node.column).named("value"))
            return (
                f"{self.person} IN (SELECT whose FROM (SELECT {self.person} AS whose, sum(arraySum((value, n) -> "
                f"if({holds}, n, 0), mapKeys({counts}), mapValues({counts}))) AS times FROM customers "
                "WHERE project_id = {project:UUID} GROUP BY whose) WHERE times > 0)"
            )
        if node.column in _OF_CUSTOMERS_TOO:
            # A person who ordered without ever visiting has no session.
            return (
                f"{self.person} IN (SELECT {self.person} FROM customers "
                f"WHERE project_id = {{project:UUID}} AND {self._condition(node, column(node.column))})"
            )
        return (
            f"{self.person} IN (SELECT {self.person} FROM sessions FINAL "
            f"WHERE project_id = {{project:UUID}} AND {self.on_sessions(node)})"
        )

    def _group(self, node: Group, compile_: Any) -> str:
        if not node.members:
            return "1" if node.how == "all" else "0"
        if node.how == "not":
            return f"NOT ({compile_(node.members[0])})"
        joint = " AND " if node.how == "all" else " OR "
        return f"({joint.join(compile_(one) for one in node.members)})"

    def _about_events_only(self, node: Node) -> bool:
        if isinstance(node, Group):
            return bool(node.members) and all(self._about_events_only(one) for one in node.members)
        return isinstance(node, Condition) and column(node.column).of == EVENT

    def _either(self, node: Node) -> str:
        """Compile a condition that has the same SQL on events and on sessions."""
        if isinstance(node, Did):
            return self._did(node)
        if isinstance(node, Member):
            cohort = self.values.bind(node.cohort_id, "UUID")
            return (
                f"{self.person} IN (SELECT {self.person} FROM cohort_members "
                f"WHERE project_id = {{project:UUID}} AND cohort_id = {cohort})"
            )
        assert isinstance(node, Condition)
        found = column(node.column)
        if found.of == VISITOR:
            return (
                "visitor_id IN (SELECT visitor_id FROM visitors WHERE project_id = {project:UUID} "
                f"GROUP BY visitor_id HAVING {self._condition(node, found)})"
            )
        if found.of == PERSON:
            return (
                f"{self.person} IN (SELECT whose FROM "
                f"(SELECT {self.person} AS whose, {of_person(node.column)} AS whole "
                f"FROM sessions FINAL WHERE project_id = {{project:UUID}} GROUP BY whose) "
                f"WHERE {self._condition(node, found)})"
            )
        if found.of == CUSTOMER:
            return self._customer(node, found)
        if found.of == TRAIT:
            return (
                f"{self.person} IN (SELECT whose FROM (SELECT {self.person} AS whose, {found.text} AS trait "
                f"FROM events WHERE project_id = {{project:UUID}} AND name = 'identify' GROUP BY whose) "
                f"WHERE {self._condition(node, found.named('trait'))})"
            )
        return self._condition(node, found)

    def _customer(self, node: Condition, found: Column) -> str:
        of = OF_CUSTOMERS[node.column]
        holds = self._condition(node, found)
        # A person without rows in the table counts as 0, so they match when the condition holds for 0.
        without = of.how in ("sum", "groupBitOr") and _holds_for_nothing(node)
        if without:
            holds = f"NOT ({holds})"
        return (
            f"{self.person} {'NOT IN' if without else 'IN'} (SELECT whose FROM "
            f"(SELECT {self.person} AS whose, {of.how}({of.row}) AS whole FROM {TABLES[of.table]} GROUP BY whose) "
            f"WHERE {holds})"
        )

    def _sessions(self, node: Condition) -> str:
        return (
            "SELECT session_id FROM sessions FINAL WHERE project_id = {project:UUID} "
            "AND started_at >= {start:DateTime64(3,'UTC')} - INTERVAL 7 DAY "
            f"AND started_at < {{end:DateTime64(3,'UTC')}} AND {self._condition(node, column(node.column))}"
        )

    def _events(self, node: Node) -> str:
        return (
            "SELECT session_id FROM events WHERE project_id = {project:UUID} "
            "AND timestamp >= {start:DateTime64(3,'UTC')} "
            f"AND timestamp < {{end:DateTime64(3,'UTC')}} + INTERVAL 7 DAY AND {self.on_events(node)}"
        )

    def _did(self, node: Did) -> str:
        event = self.values.bind(node.event, "String")
        where = f" AND {self.on_events(node.where)}" if node.where is not None else ""
        # People who never did it have no rows to count, so "at most" is compiled as "not more often".
        many = node.compare == "at_most"
        compare = ">" if many else TIMES[node.compare]
        since = (
            f" AND timestamp >= {{end:DateTime64(3,'UTC')}} - INTERVAL {int(node.days)} DAY "
            "AND timestamp < {end:DateTime64(3,'UTC')}"
            if node.days
            else ""
        )
        people = (
            f"SELECT {self.person} AS whose FROM events WHERE project_id = {{project:UUID}} AND name = {event}"
            f"{since}{where} GROUP BY whose HAVING count() {compare} {int(node.times)}"
        )
        return f"{self.person} {'IN' if node.did != many else 'NOT IN'} ({people})"

    def _condition(self, one: Condition, found: Column) -> str:
        operator = SAME.get(one.operator, one.operator)
        if operator in ("set", "not_set"):
            return f"{found.text} {'!=' if operator == 'set' else '='} ''"
        if operator in TEXT:
            bound = self.values.bind([as_text(value) for value in one.values], "Array(String)")
            return TEXT[operator].format(c=found.text, v=bound)
        if operator in LIST:
            bound = self.values.bind([as_text(value) for value in one.values], "Array(String)")
            return LIST[operator].format(c=found.list, v=bound)
        numbers = [number_of(value) for value in one.values]
        if None not in numbers:
            sql, bounds = found.number, [self.values.bind(number, "Float64") for number in numbers]
        else:
            bounds = [self.values.bind(time_of(value), "DateTime64(3, 'UTC')") for value in one.values]
            sql = found.time
        if operator == "between":
            return f"ifNull({sql} BETWEEN {bounds[0]} AND {bounds[1]}, 0)"
        return f"ifNull({SIZE[operator].format(c=sql, v=bounds[0])}, 0)"


def _holds_for_nothing(one: Condition) -> bool:
    """Whether a condition on a count holds for 0."""
    numbers = [number_of(value) or 0.0 for value in one.values]
    match one.operator:
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
