"""Event explorer: the names of events, their properties with types and frequency, and the values of properties."""

from __future__ import annotations

from datetime import datetime

import msgspec

from trackway.analyze.language.columns import column
from trackway.analyze.language.countries import name_of
from trackway.analyze.language.period import BadQuestion, page
from trackway.analyze.language.question import Answer, Question, ask, compiler
from trackway.store.connection import Store


class Events(msgspec.Struct, tag="event_names", tag_field="question", kw_only=True):
    """The names of all events; `exact` adds the exact time of each one's last event."""

    limit: int = 1000
    exact: bool = False


class Properties(msgspec.Struct, tag="properties", tag_field="question", kw_only=True):
    """The properties of one event, or of all."""

    event: str = ""
    limit: int = 500


class PropertyValues(msgspec.Struct, tag="values", tag_field="question", kw_only=True):
    """The most frequent values of a column or of `properties.NAME`, for one event or for all."""

    of: str
    event: str = ""
    limit: int = 20


class EventName(msgspec.Struct):
    """A name with its number of events over all time, the first and the last hour with an event, and with `exact` the
    time of the last event.
    """

    name: str
    events: int
    first_hour: datetime
    last_hour: datetime
    last_at: datetime | msgspec.UnsetType = msgspec.UNSET


class Property(msgspec.Struct):
    """A property over all time: up to ten types of the engine, the number of events that have it, when it was first and
    last seen, and its share (`fill_rate`, 0 to 1) of the events.
    """

    property: str
    types: list[str]
    events: int
    first_seen: datetime
    last_seen: datetime
    fill_rate: float


class PropertyValue(msgspec.Struct):
    """A value with its numbers of events and persons in the period; a country also has its English name."""

    value: str
    events: int
    persons: int
    name: str | msgspec.UnsetType = msgspec.UNSET


def event_names(store: Store, question: Question, asked: Events) -> tuple[list[Answer], list[EventName]]:
    """List the names of events, the most frequent first."""
    page(asked.limit)
    shape = {"of_event": False, "exact": asked.exact}
    answer = ask(store, "data/event_names.sql", question, shape, limit=asked.limit)
    return [answer], answer.structs(EventName)


def properties(store: Store, question: Question, asked: Properties) -> tuple[list[Answer], list[Property]]:
    """List properties over all time, the most frequent first."""
    shape = {"of_event": bool(asked.event), "exact": False}
    page(asked.limit)
    answer = ask(store, "data/property_names.sql", question, shape, name=asked.event, limit=asked.limit)
    totals = ask(store, "data/event_names.sql", question, shape, name=asked.event, limit=100_000)
    everything = sum(row["events"] for row in totals.rows())
    return [answer, totals], [
        Property(**row, fill_rate=min(1.0, row["events"] / everything) if everything else 0.0) for row in answer.rows()
    ]


def values(store: Store, question: Question, asked: PropertyValues) -> tuple[list[Answer], list[PropertyValue]]:
    """List the values of a column or property in the period, those with the most events first."""
    conditions = compiler(store, question)
    if not column(asked.of).events:
        raise BadQuestion("of", f"{asked.of!r} is not a column of events")
    shape = {"of_event": bool(asked.event), "value": conditions.column(asked.of).text}
    page(asked.limit)
    answer = ask(store, "data/property_values.sql", question, shape, conditions, name=asked.event, limit=asked.limit)
    rows = answer.structs(PropertyValue)
    if asked.of == "country":
        for row in rows:
            row.name = name_of(row.value)
    return [answer], rows
