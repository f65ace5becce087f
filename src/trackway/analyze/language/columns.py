"""Columns of events, sessions, visitors, persons and customers, and properties of events, each as SQL."""

from __future__ import annotations

import re
from typing import NamedTuple

from trackway.analyze.language.customer_columns import CUSTOMER as OF_CUSTOMERS
from trackway.analyze.language.journeys import OF_JOURNEY
from trackway.analyze.language.period import BadQuestion
from trackway.analyze.language.predictions import OF_PREDICTION, is_prediction

BOTH, EVENT, SESSION, VISITOR = "both", "event", "session", "visitor"
PERSON, TRAIT, CUSTOMER, JOURNEY, PREDICTION = "person", "trait", "customer", "journey", "prediction"

ON_BOTH = frozenset(
    "channel source medium campaign term content referrer_host country region city device browser system language "
    "visitor_id visitor_name user_id".split()
)
"""Columns of both events and sessions; an event has the source of its session."""
ON_EVENTS = frozenset(
    "name type host path title referrer click_id browser_version system_version group_id entity_type entity_id "
    "currency library session_id message_id bot".split()
)
ON_SESSIONS = frozenset(["entry_host", "entry_path", "exit_path"])
_PATH = re.compile(r"[^`\\.\x00-\x1f]{1,100}(\.[^`\\.\x00-\x1f]{1,100}){0,15}")
_WHOLE = re.compile(r"\bwhole\b")
_NUMBERS = {
    "revenue": (EVENT, "toFloat64(revenue)"),
    "screen_width": (EVENT, "screen_width"),
    "session.duration_s": (SESSION, "dateDiff('millisecond', started_at, ended_at) / 1000"),
    "session.events": (SESSION, "events"),
    "session.page_views": (SESSION, "page_views"),
    "session.bounces": (SESSION, "toUInt8(acts <= 1)"),
    "visitor.sessions": (VISITOR, "sum(visitors.sessions)"),
    "visitor.events": (VISITOR, "sum(visitors.events)"),
    "visitor.page_views": (VISITOR, "sum(visitors.page_views)"),
}
_TIMES = {
    "timestamp": (EVENT, "timestamp"),
    "session.started_at": (SESSION, "started_at"),
    "visitor.first_seen": (VISITOR, "min(visitors.first_seen)"),
    "visitor.last_seen": (VISITOR, "max(visitors.last_seen)"),
}
_OF_PERSONS = {
    "person.first_seen": "min(started_at)",
    "person.last_seen": "max(ended_at)",
    "person.sessions": "count()",
    "person.events": "sum(events)",
    "person.page_views": "sum(page_views)",
    **{f"person.first_{name}": f"argMin({name}, (started_at, {name}))" for name in (*ON_BOTH, *ON_SESSIONS)},
}
"""Columns of a person, aggregated over all their sessions."""
COLUMNS = (
    ON_BOTH | ON_EVENTS | ON_SESSIONS | _NUMBERS.keys() | _TIMES.keys() | _OF_PERSONS.keys() | OF_CUSTOMERS.keys()
    | OF_JOURNEY.keys() | OF_PREDICTION.keys()
)  # fmt: skip


class Column(NamedTuple):
    """A column, as SQL of each type that it can be read as.

    `of` is the kind of row that has the column. `number` and `time` are NULL if the value is not one; `list` is an
    array of texts.
    """

    of: str
    text: str
    number: str
    time: str
    list: str

    @property
    def events(self) -> bool:
        """Whether events have this column."""
        return self.of in (BOTH, EVENT, JOURNEY, PREDICTION)

    @property
    def sessions(self) -> bool:
        """Whether sessions have this column."""
        return self.of in (BOTH, SESSION, JOURNEY, PREDICTION)

    def named(self, name: str) -> Column:
        """Return a text column of the same kind of row, with another SQL name."""
        return _text_column(self.of, name)

    def over(self, name: str) -> Column:
        """Return the same column with `name` in place of `whole` in its SQL."""
        return Column(self.of, *(_WHOLE.sub(name, sql) for sql in self[1:]))


def column(name: str) -> Column:
    """Return the column of this name.

    Raises:
        BadQuestion: there is no such column, and the name is not `properties.PATH` or `person.properties.PATH`.
    """
    if name in _NUMBERS:
        of, sql = _NUMBERS[name]
        return Column(of, f"toString({sql})", sql, "NULL", f"[toString({sql})]")
    if name in _TIMES:
        of, sql = _TIMES[name]
        return Column(of, f"toString({sql})", f"toUnixTimestamp({sql})", sql, f"[toString({sql})]")
    if name in ON_BOTH | ON_EVENTS | ON_SESSIONS:
        of = BOTH if name in ON_BOTH else EVENT if name in ON_EVENTS else SESSION
        return _text_column(of, f"toString({name})" if name == "session_id" else name)
    if name.removeprefix("session.") in ON_SESSIONS:
        return column(name.removeprefix("session."))
    if name in _OF_PERSONS:
        sql, whole = "whole", _OF_PERSONS[name]
        is_time, is_text = whole.startswith(("min(", "max(")), whole.startswith("argMin(")
        of_sessions = _text_column(PERSON, sql) if is_text else Column(PERSON, f"toString({sql})", sql, "NULL", "[]")
        return of_sessions._replace(time=sql, number="NULL") if is_time else of_sessions
    if name in OF_JOURNEY:
        return _text_column(JOURNEY, name)  # its SQL depends on the project: `Compiler.column`
    if is_prediction(name):
        return _of_kind(PREDICTION, "number", "whole")  # by bands, its SQL depends on the project, too
    if name in OF_CUSTOMERS:
        return _of_kind(CUSTOMER, OF_CUSTOMERS[name].kind, OF_CUSTOMERS[name].of("whole"))
    prefix, _, path = name.partition(".")
    if prefix == "properties" and _PATH.fullmatch(path):
        return _property(path)
    if name.startswith("person.properties.") and _PATH.fullmatch(trait := name.removeprefix("person.properties.")):
        value = _property(trait).text
        return _text_column(TRAIT, f"argMaxIf({value}, (timestamp, {value}), {value} != '')")
    raise BadQuestion(
        "filter",
        f"{name!r} cannot be asked for; use properties.NAME, person.properties.NAME, propensity_EVENT "
        f"or one of "
        f"{', '.join(sorted(COLUMNS))}",
    )


def _of_kind(of: str, kind: str, sql: str) -> Column:
    if kind == "text":
        return _text_column(of, sql)
    number, time = (sql, "NULL") if kind == "number" else ("NULL", sql)
    return Column(of, f"ifNull(toString({sql}), '')", number, time, "[]")


def of_person(name: str) -> str:
    """Return the SQL of a person's column, aggregated over their sessions."""
    return _OF_PERSONS[name]


def _text_column(of: str, sql: str) -> Column:
    return Column(of, sql, _number(sql), f"parseDateTime64BestEffortOrNull({sql}, 3, 'UTC')", f"[toString({sql})]")


def _number(text: str) -> str:
    """Convert a text to a number. "nan" and "inf" become NULL, because one sender of them would make every sum
    useless.
    """
    return f"if(isFinite(toFloat64OrNull({text})), toFloat64OrNull({text}), NULL)"


def _property(path: str) -> Column:
    quoted = "properties." + ".".join(f"`{part}`" for part in path.split("."))
    text = f"ifNull(toString({quoted}), '')"
    lists = [f"arrayMap(x -> ifNull(toString(x), ''), {quoted}.:`Array(Nullable({kind}))`)" for kind in _ITEMS]
    return Column(
        EVENT,
        text,
        # Typed subcolumns are read many times faster than the value as text; the text form is for quoted numbers.
        f"coalesce(toFloat64({quoted}.:Int64), {quoted}.:Float64, {_number(f'{quoted}.:String')})",
        f"parseDateTime64BestEffortOrNull({text}, 3, 'UTC')",
        f"arrayConcat({', '.join(lists)})",
    )


_ITEMS = ("String", "Int64", "Float64", "Bool")
