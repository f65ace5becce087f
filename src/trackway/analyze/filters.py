"""Filters: what a question is about, as bound conditions on events and on sessions."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from trackway.analyze.period import BadQuestion

ON_BOTH = frozenset(
    "channel source medium campaign term content referrer_host country region city device browser system language "
    "visitor_id visitor_name user_id".split()
)
"""Columns that events and sessions have; an event has its session's source."""
ON_EVENTS = frozenset(
    "name type host path title referrer click_id browser_version system_version group_id entity_type entity_id "
    "currency library session_id message_id bot".split()
)
ON_SESSIONS = frozenset(["entry_host", "entry_path", "exit_path"])
COLUMNS = ON_BOTH | ON_EVENTS | ON_SESSIONS
OPERATORS = ("is", "is_not", "contains", "contains_not", "starts_with", "set", "not_set", "greater", "less")
_PATH = re.compile(r"^[^`\\.\x00-\x1f]{1,100}(\.[^`\\.\x00-\x1f]{1,100}){0,15}$")


class Filter(NamedTuple):
    """`column operator values`, where the column is one of COLUMNS or `properties.` and a path."""

    column: str
    operator: str
    values: tuple[str, ...]


class Conditions(NamedTuple):
    """SQL that is true or starts with AND, for a statement over events and one over sessions, and its values."""

    events: str
    sessions: str
    parameters: dict[str, Any]


def parse(text: str) -> Filter:
    """A filter as it stands in a URL: `country:is:GB|DE`, `path:contains:/concerts`, `user_id:set`.

    Raises:
        BadQuestion: an unknown column or operator, or values where none belong.
    """
    column, _, rest = text.partition(":")
    operator, _, given = rest.partition(":")
    values = tuple(given.split("|")) if given else ()
    expression(column)
    if operator not in OPERATORS:
        raise BadQuestion("filter", f"{operator!r} is not an operator; use one of {', '.join(OPERATORS)}")
    if (operator in ("set", "not_set")) == bool(values):
        raise BadQuestion("filter", f"{text!r}: set and not_set take no value, every other operator takes one or more")
    if operator in ("greater", "less") and not _is_number(values[0]):
        raise BadQuestion("filter", f"{text!r}: {operator} compares with a number")
    return Filter(column, operator, values)


def expression(column: str) -> str:
    """The SQL of a column or of a property as text.

    Raises:
        BadQuestion: it is neither.
    """
    if column in COLUMNS:
        return f"toString({column})" if column == "session_id" else column
    prefix, _, path = column.partition(".")
    if prefix == "properties" and _PATH.match(path):
        quoted = ".".join(f"`{part}`" for part in path.split("."))
        return f"ifNull(toString(properties.{quoted}), '')"
    raise BadQuestion(
        "filter", f"{column!r} cannot be asked for; use properties.NAME or one of {', '.join(sorted(COLUMNS))}"
    )


def compile_filters(filters: list[Filter]) -> Conditions:
    """Conditions for all filters together.

    A session matches conditions on events when one of its events matches all of them.
    """
    events, sessions, of_events, of_sessions = [], [], [], []
    parameters: dict[str, Any] = {}
    for number, one in enumerate(filters):
        condition = _condition(one, f"f{number}", parameters)
        if one.column in ON_SESSIONS:
            of_sessions.append(condition)
            sessions.append(condition)
        elif one.column in ON_BOTH:
            events.append(condition)
            sessions.append(condition)
        else:
            events.append(condition)
            of_events.append(condition)
    if of_sessions:
        events.append(
            "session_id IN (SELECT session_id FROM sessions FINAL WHERE project_id = {project:UUID} "
            "AND started_at >= {start:DateTime64(3,'UTC')} - INTERVAL 7 DAY "
            "AND started_at < {end:DateTime64(3,'UTC')} "
            f"AND {' AND '.join(of_sessions)})"
        )
    if of_events:
        sessions.append(
            "session_id IN (SELECT session_id FROM events WHERE project_id = {project:UUID} "
            "AND timestamp >= {start:DateTime64(3,'UTC')} "
            "AND timestamp < {end:DateTime64(3,'UTC')} + INTERVAL 7 DAY "
            f"AND {' AND '.join(of_events)})"
        )
    return Conditions(_and(events), _and(sessions), parameters)


def _condition(one: Filter, name: str, parameters: dict[str, Any]) -> str:
    column = expression(one.column)
    if one.operator in ("set", "not_set"):
        return f"{column} {'!=' if one.operator == 'set' else '='} ''"
    if one.operator in ("greater", "less"):
        parameters[name] = float(one.values[0])
        return f"toFloat64OrNull({column}) {'>' if one.operator == 'greater' else '<'} {{{name}:Float64}}"
    parameters[name] = list(one.values)
    bound = f"{{{name}:Array(String)}}"
    return {
        "is": f"{column} IN {bound}",
        "is_not": f"{column} NOT IN {bound}",
        "contains": f"multiSearchAnyCaseInsensitiveUTF8({column}, {bound})",
        "contains_not": f"NOT multiSearchAnyCaseInsensitiveUTF8({column}, {bound})",
        "starts_with": f"arrayExists(prefix -> startsWith({column}, prefix), {bound})",
    }[one.operator]


def _and(conditions: list[str]) -> str:
    return "".join(f" AND {condition}" for condition in conditions)


def _is_number(text: str) -> bool:
    try:
        return float(text) == float(text)
    except ValueError:
        return False
