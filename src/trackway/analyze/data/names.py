"""Event explorer: the names of events, their properties with types and frequency, and the values of properties."""

from __future__ import annotations

from typing import Any

import msgspec

from trackway.analyze.language.columns import column
from trackway.analyze.language.countries import name_of
from trackway.analyze.language.period import BadQuestion, page
from trackway.analyze.language.question import Answer, Question, ask
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


def event_names(store: Store, question: Question, asked: Events) -> tuple[list[Answer], list[dict[str, Any]]]:
    """Return `name`, `events` over all time, the first and last hour with an event, and with `exact` the time
    `last_at`.
    """
    page(asked.limit)
    shape = {"one": False, "exact": asked.exact}
    answer = ask(store, "data/event_names.sql", question, shape, limit=asked.limit)
    return [answer], answer.rows()


def properties(store: Store, question: Question, asked: Properties) -> tuple[list[Answer], list[dict[str, Any]]]:
    """Return, over all time, `property`, `types`, `events` that have it, `fill_rate` (their share), and when it was
    first and last seen.
    """
    shape = {"one": bool(asked.event), "exact": False}
    page(asked.limit)
    answer = ask(store, "data/property_names.sql", question, shape, name=asked.event, limit=asked.limit)
    totals = ask(store, "data/event_names.sql", question, shape, name=asked.event, limit=100_000)
    everything = sum(row["events"] for row in totals.rows())
    rows = [{**row, "fill_rate": min(1.0, row["events"] / everything) if everything else 0.0} for row in answer.rows()]
    return [answer, totals], rows


def values(store: Store, question: Question, asked: PropertyValues) -> tuple[list[Answer], list[dict[str, Any]]]:
    """Return `value`, `events` and `persons` in the period, the most events first; for countries also their English
    `name`.
    """
    found = column(asked.of)
    if not found.events:
        raise BadQuestion("of", f"{asked.of!r} is not a column of events")
    shape = {"one": bool(asked.event), "value": found.text}
    page(asked.limit)
    answer = ask(store, "data/property_values.sql", question, shape, name=asked.event, limit=asked.limit)
    rows = answer.rows()
    return [answer], [{**row, "name": name_of(row["value"])} for row in rows] if asked.of == "country" else rows
