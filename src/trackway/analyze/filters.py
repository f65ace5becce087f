"""Filters: what a question is about, as a tree of conditions, compiled to bound SQL on events or on sessions.

A filter is data: `{"column": "country", "operator": "is", "values": ["GB"]}`, `{"all": […]}`, `{"any": […]}`,
`{"not": …}`, `{"did": "Order Completed", "times": 2, "days": 30}`, `{"cohort": ID}`; or, in an address,
`country:is:GB|DE`. A saved one, `{"segment": ID}`, is put in its place first (`inlined`). `trackway.analyze.columns`
says what can be asked for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from trackway.analyze.columns import CUSTOMER, EVENT, PERSON, SESSION, TRAIT, VISITOR, Column, column, of_person
from trackway.analyze.customer_columns import CUSTOMER as OF_CUSTOMERS
from trackway.analyze.customer_columns import TABLES
from trackway.analyze.period import BadQuestion
from trackway.analyze.ready import READY

Value = str | int | float | bool
_DEEPEST = 8
_MOST = 200


_OF_CUSTOMERS_TOO = frozenset(["user_id", "visitor_id", "visitor_name"])


class Condition(msgspec.Struct, frozen=True, tag=True):
    """`column operator values`."""

    column: str
    operator: str
    values: tuple[Value, ...] = ()


class Group(msgspec.Struct, frozen=True, tag=True):
    """`all` or `any` of the members, or `not` the only one."""

    how: str
    members: tuple[Node, ...]


class Did(msgspec.Struct, frozen=True, tag=True):
    """People who did an event (or did it not), so many times, in the last `days` of the period or ever."""

    event: str
    did: bool = True
    where: Node | None = None
    compare: str = "at_least"
    times: int = 1
    days: int | None = None


class Member(msgspec.Struct, frozen=True, tag=True):
    """People on a list."""

    cohort_id: UUID


Node = Condition | Group | Did | Member

_TEXT = {
    "is": "{c} IN {v}",
    "is_not": "{c} NOT IN {v}",
    "contains": "multiSearchAnyCaseInsensitiveUTF8({c}, {v})",
    "contains_not": "NOT multiSearchAnyCaseInsensitiveUTF8({c}, {v})",
    "starts_with": "arrayExists(prefix -> startsWith({c}, prefix), {v})",
    "ends_with": "arrayExists(suffix -> endsWith({c}, suffix), {v})",
    "matches": "arrayExists(pattern -> match({c}, pattern), {v})",
    "matches_not": "NOT arrayExists(pattern -> match({c}, pattern), {v})",
}
_SIZE = {
    "greater": "{c} > {v}",
    "less": "{c} < {v}",
    "at_least": "{c} >= {v}",
    "at_most": "{c} <= {v}",
}
_LIST = {"includes": "hasAny({c}, {v})", "includes_not": "NOT hasAny({c}, {v})"}
OPERATORS = (*_TEXT, *_SIZE, "between", "before", "after", *_LIST, "set", "not_set")
_SAME = {"before": "less", "after": "at_least"}
_TIMES = {"at_least": ">=", "at_most": "<=", "exactly": "="}


def parse(text: str) -> Condition:
    """A condition as it stands in an address: `country:is:GB|DE`, `path:contains:/concerts`, `user_id:set`.

    Raises:
        BadQuestion: an unknown column or operator, or values where none belong.
    """
    name, _, rest = text.partition(":")
    operator, _, given = rest.partition(":")
    return _checked(Condition(name, operator, tuple(given.split("|")) if given else ()), "filter")


def read(given: object, field: str = "filter", depth: int = 0) -> Node:
    """A filter as it stands in JSON.

    Raises:
        BadQuestion: what it says cannot be asked; `field` names the place.
    """
    if isinstance(given, str):
        return parse(given)
    if not isinstance(given, dict):
        raise BadQuestion(field, "a filter is an object such as {column, operator, values}, or column:operator:value")
    if depth > _DEEPEST:
        raise BadQuestion(field, f"filters are nested more than {_DEEPEST} deep")
    for key, how in _KINDS.items():
        if key in given:
            if unknown := set(given) - how.keys:
                raise BadQuestion(f"{field}.{sorted(unknown)[0]}", f"is not part of a filter with {key!r}")
            node: Node = how.read(given, field, depth)
            return node
    raise BadQuestion(field, f"a filter has one of {', '.join(_KINDS)}")


def _read_condition(given: dict[str, Any], field: str, _: int) -> Condition:
    values = given.get("values", [])
    values = values if isinstance(values, list) else [values]
    if not all(isinstance(value, str | int | float | bool) for value in values):
        raise BadQuestion(f"{field}.values", "values are texts, numbers, true or false")
    return _checked(Condition(str(given["column"]), str(given.get("operator", "is")), tuple(values)), field)


def _read_group(given: dict[str, Any], field: str, depth: int) -> Group:
    how = next(key for key in ("all", "any", "not") if key in given)
    members = [given[how]] if how == "not" else given[how]
    if not isinstance(members, list) or len(members) > _MOST:
        raise BadQuestion(f"{field}.{how}", f"is a list of at most {_MOST} filters")
    return Group(how, tuple(read(one, f"{field}.{how}[{i}]", depth + 1) for i, one in enumerate(members)))


def _read_did(given: dict[str, Any], field: str, depth: int) -> Did:
    did = "did" in given
    compare = given.get("compare", "at_least")
    if compare not in _TIMES:
        raise BadQuestion(f"{field}.compare", f"use one of {', '.join(_TIMES)}")
    times, days = given.get("times", 1), given.get("days")
    if not isinstance(times, int) or times < 1 or (days is not None and (not isinstance(days, int) or days < 1)):
        raise BadQuestion(f"{field}.times", "times and days are whole numbers from 1")
    where = read(given["where"], f"{field}.where", depth + 1) if given.get("where") else None
    return Did(str(given["did" if did else "did_not"]), did, where, compare, times, days)


def _read_member(given: dict[str, Any], _: str, __: int) -> Member:
    return Member(_id(given["cohort"]))


class _Kind(NamedTuple):
    keys: frozenset[str]
    read: Any


_DID = ("where", "compare", "times", "days")
_KINDS = {
    "column": _Kind(frozenset(["column", "operator", "values"]), _read_condition),
    "all": _Kind(frozenset(["all"]), _read_group),
    "any": _Kind(frozenset(["any"]), _read_group),
    "not": _Kind(frozenset(["not"]), _read_group),
    "did": _Kind(frozenset(["did", *_DID]), _read_did),
    "did_not": _Kind(frozenset(["did_not", *_DID]), _read_did),
    "cohort": _Kind(frozenset(["cohort"]), _read_member),
}


def _checked(one: Condition, field: str) -> Condition:
    """The condition, when its column, operator and values go together."""
    column(one.column)
    text = f"{one.column}:{one.operator}:{'|'.join(map(str, one.values))}"
    if one.operator not in OPERATORS:
        raise BadQuestion(field, f"{one.operator!r} is not an operator; use one of {', '.join(OPERATORS)}")
    wanted = {"set": 0, "not_set": 0, "between": 2, **dict.fromkeys((*_SIZE, *_SAME), 1)}.get(one.operator)
    if wanted is None and not one.values:
        raise BadQuestion(field, f"{text!r}: {one.operator} needs one value or more")
    if wanted is not None and len(one.values) != wanted:
        raise BadQuestion(field, f"{text!r}: {one.operator} takes {wanted or 'no'} value{'s' * (wanted != 1)}")
    if one.operator in ("between", *_SIZE, *_SAME) and not all(
        _number(value) is not None or _time(value) is not None for value in one.values
    ):
        raise BadQuestion(field, f"{text!r}: {one.operator} compares with a number or a time such as 2026-01-31")
    if one.operator in ("matches", "matches_not"):
        for value in one.values:
            try:
                re.compile(str(value))
            except re.error as error:
                raise BadQuestion(field, f"{value!r} is not a regular expression: {error}") from error
    return one


_SEGMENT = "segment:is:"


def inlined(given: Any, look_up: Callable[[UUID], Any], depth: int = 0) -> Any:
    """JSON with every `{"segment": ID}` (in addresses `segment:is:ID`) replaced by the filter that is saved under it.

    Args:
        look_up: the filter as JSON, or None.

    Raises:
        BadQuestion: there is no such segment, or segments name each other in a circle.
    """
    if depth > 4 * _DEEPEST:
        raise BadQuestion("filter.segment", "segments name each other in a circle, or the filter is too deep")
    if isinstance(given, list):
        return [inlined(one, look_up, depth + 1) for one in given]
    if isinstance(given, str) and given.startswith(_SEGMENT):  # an address may name a ready one, too
        return inlined({"segment": given.removeprefix(_SEGMENT)}, look_up, depth)
    if not isinstance(given, dict):
        return given
    if set(given) == {"segment"} and given["segment"] in READY:
        return READY[given["segment"]].filter
    if set(given) == {"segment"}:
        found = look_up(_id(given["segment"]))
        if found is None:
            raise BadQuestion("filter.segment", f"there is no segment {given['segment']}")
        return inlined(found, look_up, depth + 1)
    return {name: inlined(value, look_up, depth + 1) for name, value in given.items()}


def _id(given: object) -> UUID:
    try:
        return UUID(str(given))
    except ValueError as error:
        raise BadQuestion("filter.segment", f"{given!r} is not the id of a segment or cohort") from error


class Values:
    """The values of a statement, bound by name."""

    def __init__(self) -> None:
        self.parameters: dict[str, Any] = {}

    def bind(self, value: object, kind: str) -> str:
        """The placeholder of a value."""
        name = f"v{len(self.parameters)}"
        self.parameters[name] = value
        return f"{{{name}:{kind}}}"


class Compiler:
    """Turns filters into SQL for one statement.

    Args:
        whose: gives the SQL that says whose a row is; asked when a statement needs it.
    """

    def __init__(self, whose: Callable[[], str]) -> None:
        self._whose = whose
        self.values = Values()

    @cached_property
    def person(self) -> str:
        """The SQL that says whose a row is."""
        return self._whose()

    def on_events(self, node: Node) -> str:
        """A condition on rows of events."""
        if isinstance(node, Group):
            return self._group(node, self.on_events)
        if isinstance(node, Condition) and column(node.column).of == SESSION:
            return f"session_id IN ({self._sessions(node)})"
        return self._either(node)

    def on_sessions(self, node: Node) -> str:
        """A condition on rows of sessions: what only events have must be true of one event of the session."""
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
        """A condition on customers, one row a person.

        Args:
            names: gets what their own columns, as far as conditions name them, are called in that row.
        """
        if isinstance(node, Group):
            return self._group(node, lambda one: self.on_customers(one, names))
        if isinstance(node, Condition) and (found := column(node.column)).of == CUSTOMER:
            name = names.setdefault(node.column, f"c{len(names)}")
            return self._condition(node, found.over(name))
        return self.on_people(node)

    def on_people(self, node: Node) -> str:
        """A condition on rows that have an `identity`, and nothing else that it may speak of: what sessions have must
        be true of one session of the person.
        """
        if isinstance(node, Group):
            return self._group(node, self.on_people)
        if not isinstance(node, Condition) or column(node.column).of in (CUSTOMER, PERSON, TRAIT):
            return self._either(node)
        if node.column in _OF_CUSTOMERS_TOO:
            # Who ordered without ever being here has no session.
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
        """What reads the same on events and on sessions."""
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
        # Who has no row there has done nothing of it: they are in when 0 would be.
        without = of.how in ("sum", "uniqExact") and _holds_for_nothing(node)
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
        # Nobody who did it never would be found by counting rows; they are who did not do it as often.
        many = node.compare == "at_most"
        compare = ">" if many else _TIMES[node.compare]
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
        operator = _SAME.get(one.operator, one.operator)
        if operator in ("set", "not_set"):
            return f"{found.text} {'!=' if operator == 'set' else '='} ''"
        if operator in _TEXT:
            bound = self.values.bind([_as_text(value) for value in one.values], "Array(String)")
            return _TEXT[operator].format(c=found.text, v=bound)
        if operator in _LIST:
            bound = self.values.bind([_as_text(value) for value in one.values], "Array(String)")
            return _LIST[operator].format(c=found.list, v=bound)
        numbers = [_number(value) for value in one.values]
        if None not in numbers:
            sql, bounds = found.number, [self.values.bind(number, "Float64") for number in numbers]
        else:
            bounds = [self.values.bind(_time(value), "DateTime64(3, 'UTC')") for value in one.values]
            sql = found.time
        if operator == "between":
            return f"ifNull({sql} BETWEEN {bounds[0]} AND {bounds[1]}, 0)"
        return f"ifNull({_SIZE[operator].format(c=sql, v=bounds[0])}, 0)"


def _holds_for_nothing(one: Condition) -> bool:
    """Whether a condition on a count holds for 0."""
    numbers = [_number(value) or 0.0 for value in one.values]
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


def _as_text(value: Value) -> str:
    """A value as the engine turns it into text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _number(value: Value) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _time(value: Value) -> str | None:
    try:
        return datetime.fromisoformat(str(value)).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    except ValueError:
        return None
