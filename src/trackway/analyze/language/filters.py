"""Filters: a question's conditions as a tree; `conditions.py` compiles it to SQL with bound values.

A filter is data: `{"column": "country", "operator": "is", "values": ["GB"]}`, `{"all": […]}`, `{"any": […]}`, `{"not":
…}`, `{"did": "Order Completed", "times": 2, "days": 30}`, `{"cohort": ID}`; or, in a URL, `country:is:GB|DE` (`parse`).
A saved filter, `{"segment": ID}`, is first replaced by its contents (`inlined`). `trackway.analyze.language.columns`
lists the columns. Countries are accepted by code or name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from trackway.analyze.language.builtin_segments import READY
from trackway.analyze.language.columns import column
from trackway.analyze.language.countries import code_of, codes_like
from trackway.analyze.language.period import BadQuestion
from trackway.enrich.url import as_host, as_path, readable

Value = str | int | float | bool
_DEEPEST = 8
_MOST = 200


class Condition(msgspec.Struct, frozen=True, tag=True):
    """A condition: `column operator values`."""

    column: str
    operator: str
    values: tuple[Value, ...] = ()


class Group(msgspec.Struct, frozen=True, tag=True):
    """`all` or `any` of the members, or `not` the only member."""

    how: str
    members: tuple[Node, ...]


class Did(msgspec.Struct, frozen=True, tag=True):
    """People who did an event (or did not), a number of times, in the last `days` of the period or ever."""

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

TEXT = {
    "is": "{c} IN {v}",
    "is_not": "{c} NOT IN {v}",
    "contains": "multiSearchAnyCaseInsensitiveUTF8({c}, {v})",
    "contains_not": "NOT multiSearchAnyCaseInsensitiveUTF8({c}, {v})",
    "starts_with": "arrayExists(prefix -> startsWith({c}, prefix), {v})",
    "ends_with": "arrayExists(suffix -> endsWith({c}, suffix), {v})",
    "matches": "arrayExists(pattern -> match({c}, pattern), {v})",
    "matches_not": "NOT arrayExists(pattern -> match({c}, pattern), {v})",
}
SIZE = {
    "greater": "{c} > {v}",
    "less": "{c} < {v}",
    "at_least": "{c} >= {v}",
    "at_most": "{c} <= {v}",
}
LIST = {"includes": "hasAny({c}, {v})", "includes_not": "NOT hasAny({c}, {v})"}
OPERATORS = (*TEXT, *SIZE, "between", "before", "after", *LIST, "set", "not_set")
SAME = {"before": "less", "after": "at_least"}
TIMES = {"at_least": ">=", "at_most": "<=", "exactly": "="}


def parse(text: str) -> Condition:
    r"""Parse a condition in the form of a URL: `country:is:GB|DE`, `path:contains:/concerts`, `user_id:set`.

    In a value, `|` is written `\|`; a backslash before `|` or before another backslash is written `\\`.

    Raises:
        BadQuestion: the column or operator is unknown, or the number of values does not fit.
    """
    name, _, rest = text.partition(":")
    operator, _, values = rest.partition(":")
    return _checked(Condition(name, operator, _split(values) if values else ()), "filter")


_PIECE = re.compile(r"\\[\\|]|\||[^\\|]+|\\", re.DOTALL)


def _split(text: str) -> tuple[str, ...]:
    parts = [""]
    for piece in _PIECE.findall(text):
        if piece == "|":
            parts.append("")
        else:
            parts[-1] += piece[1] if piece in ("\\\\", "\\|") else piece
    return tuple(parts)


def read(body: object, field: str = "filter", depth: int = 0) -> Node:
    """Parse a filter in the form of JSON.

    Raises:
        BadQuestion: the filter is invalid; `field` names the place.
    """
    if isinstance(body, str):
        return parse(body)
    if not isinstance(body, dict):
        raise BadQuestion(field, "a filter is an object such as {column, operator, values}, or column:operator:value")
    if depth > _DEEPEST:
        raise BadQuestion(field, f"filters are nested more than {_DEEPEST} deep")
    for key, how in _KINDS.items():
        if key in body:
            if unknown := set(body) - how.keys:
                raise BadQuestion(f"{field}.{sorted(unknown)[0]}", f"is not part of a filter with {key!r}")
            node: Node = how.read(body, field, depth)
            return node
    raise BadQuestion(field, f"a filter has one of {', '.join(_KINDS)}")


def _read_condition(body: dict[str, Any], field: str, _: int) -> Condition:
    values = body.get("values", [])
    values = values if isinstance(values, list) else [values]
    if not all(isinstance(value, str | int | float | bool) for value in values):
        raise BadQuestion(f"{field}.values", "values are texts, numbers, true or false")
    return _checked(Condition(str(body["column"]), str(body.get("operator", "is")), tuple(values)), field)


def _read_group(body: dict[str, Any], field: str, depth: int) -> Group:
    how = next(key for key in ("all", "any", "not") if key in body)
    members = [body[how]] if how == "not" else body[how]
    if not isinstance(members, list) or len(members) > _MOST:
        raise BadQuestion(f"{field}.{how}", f"is a list of at most {_MOST} filters")
    return Group(how, tuple(read(member, f"{field}.{how}[{i}]", depth + 1) for i, member in enumerate(members)))


def _read_did(body: dict[str, Any], field: str, depth: int) -> Did:
    did = "did" in body
    compare = body.get("compare", "at_least")
    if compare not in TIMES:
        raise BadQuestion(f"{field}.compare", f"use one of {', '.join(TIMES)}")
    times, days = body.get("times", 1), body.get("days")
    if not isinstance(times, int) or times < 1 or (days is not None and (not isinstance(days, int) or days < 1)):
        raise BadQuestion(f"{field}.times", "times and days are whole numbers from 1")
    where = read(body["where"], f"{field}.where", depth + 1) if body.get("where") else None
    return Did(str(body["did" if did else "did_not"]), did, where, compare, times, days)


def _read_member(body: dict[str, Any], _: str, __: int) -> Member:
    return Member(_id(body["cohort"]))


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


def _checked(condition: Condition, field: str) -> Condition:
    """Check that column, operator and values go together, and convert the values to their stored form."""
    column(condition.column)
    text = f"{condition.column}:{condition.operator}:{'|'.join(map(str, condition.values))}"
    if condition.operator not in OPERATORS:
        raise BadQuestion(field, f"{condition.operator!r} is not an operator; use one of {', '.join(OPERATORS)}")
    wanted = {"set": 0, "not_set": 0, "between": 2, **dict.fromkeys((*SIZE, *SAME), 1)}.get(condition.operator)
    if wanted is None and not condition.values:
        raise BadQuestion(field, f"{text!r}: {condition.operator} needs one value or more")
    if wanted is not None and len(condition.values) != wanted:
        raise BadQuestion(field, f"{text!r}: {condition.operator} takes {wanted or 'no'} value{'s' * (wanted != 1)}")
    if condition.operator in ("between", *SIZE, *SAME) and not all(
        number_of(value) is not None or time_of(value) is not None for value in condition.values
    ):
        raise BadQuestion(field, f"{text!r}: {condition.operator} compares with a number or a time such as 2026-01-31")
    if condition.operator in ("matches", "matches_not"):
        for value in condition.values:
            try:
                re.compile(str(value))
            except re.error as error:
                raise BadQuestion(field, f"{value!r} is not a regular expression: {error}") from error
    return _as_stored(condition)


_HOSTS = ("host", "entry_host", "referrer_host")
_PATHS = ("path", "entry_path", "exit_path")


def _as_stored(condition: Condition) -> Condition:
    """Convert values to their stored form: countries to codes, paths and hosts to readable text."""
    name = condition.column.removeprefix("person.first_")
    if name == "country":
        return _by_code(condition)
    if name not in (*_HOSTS, *_PATHS) or condition.operator.startswith("matches"):
        return condition
    # A part of a path may end with a slash that a whole stored path does not have.
    spelled = as_host if name in _HOSTS else as_path if condition.operator in ("is", "is_not") else readable
    return Condition(condition.column, condition.operator, tuple(spelled(str(value)) for value in condition.values))


_CONTAINS = {"contains": "is", "contains_not": "is_not"}


def _by_code(condition: Condition) -> Condition:
    """Convert a condition on countries, which may be named, to their stored codes."""
    if condition.operator in ("is", "is_not"):
        return Condition(condition.column, condition.operator, tuple(code_of(str(value)) for value in condition.values))
    if condition.operator in _CONTAINS:
        codes = dict.fromkeys(code for value in condition.values for code in codes_like(str(value)) or [str(value)])
        return Condition(condition.column, _CONTAINS[condition.operator], tuple(codes))
    return condition


_SEGMENT = "segment:is:"


def inlined(body: Any, look_up: Callable[[UUID], Any], depth: int = 0) -> Any:
    """Replace every `{"segment": ID}` (in URLs `segment:is:ID`) in JSON by the filter saved under this id.

    Args:
        look_up: returns the filter as JSON, or None.

    Raises:
        BadQuestion: there is no such segment, or segments refer to each other in a circle.
    """
    if depth > 4 * _DEEPEST:
        raise BadQuestion("filter.segment", "segments name each other in a circle, or the filter is too deep")
    if isinstance(body, list):
        return [inlined(item, look_up, depth + 1) for item in body]
    if isinstance(body, str) and body.startswith(_SEGMENT):  # URLs can name built-in segments too
        return inlined({"segment": body.removeprefix(_SEGMENT)}, look_up, depth)
    if not isinstance(body, dict):
        return body
    if set(body) == {"segment"} and body["segment"] in READY:
        return READY[body["segment"]].filter
    if set(body) == {"segment"}:
        saved = look_up(_id(body["segment"]))
        if saved is None:
            raise BadQuestion("filter.segment", f"there is no segment {body['segment']}")
        return inlined(saved, look_up, depth + 1)
    return {name: inlined(value, look_up, depth + 1) for name, value in body.items()}


def _id(text: object) -> UUID:
    try:
        return UUID(str(text))
    except ValueError as error:
        raise BadQuestion("filter.segment", f"{text!r} is not the id of a segment or cohort") from error


def number_of(value: Value) -> float | None:
    """Convert a value to a number; None if it is not one."""
    try:
        number = float(value)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def time_of(value: Value) -> str | None:
    """Convert a value to a time in the engine's format; None if it is not one."""
    try:
        return datetime.fromisoformat(str(value)).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    except ValueError:
        return None
