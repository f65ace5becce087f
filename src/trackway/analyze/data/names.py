"""Event explorer: which events there are, which properties they have, of what types, how often, with which values."""

from __future__ import annotations

from typing import Any

import msgspec

from trackway.analyze.language.columns import column
from trackway.analyze.language.countries import name_of
from trackway.analyze.language.period import BadQuestion, page
from trackway.analyze.language.question import Answer, Question, ask
from trackway.store.connection import Store


class Events(msgspec.Struct, tag="event_names", tag_field="question", kw_only=True):
    """The names of all events; `exact` asks for the moment of the last of each, too."""

    limit: int = 1000
    exact: bool = False


class Properties(msgspec.Struct, tag="properties", tag_field="question", kw_only=True):
    """The properties of an event, or of all."""

    event: str = ""
    limit: int = 500


class PropertyValues(msgspec.Struct, tag="values", tag_field="question", kw_only=True):
    """The most frequent values of a column or `properties.NAME`, of an event or of all."""

    of: str
    event: str = ""
    limit: int = 20


def event_names(store: Store, question: Question, asked: Events) -> tuple[list[Answer], list[dict[str, Any]]]:
    """`name`, `events` over all time, the first and last hour with one, and with `exact` `last_at`, the last moment."""
    page(asked.limit)
    shape = {"one": False, "exact": asked.exact}
    answer = ask(store, "data/event_names.sql", question, shape, limit=asked.limit)
    return [answer], answer.rows()


def properties(store: Store, question: Question, asked: Properties) -> tuple[list[Answer], list[dict[str, Any]]]:
    """Over all time: `property`, `types`, `events` that have it, `fill_rate` (their share), first and last seen."""
    shape = {"one": bool(asked.event), "exact": False}
    page(asked.limit)
    answer = ask(store, "data/property_names.sql", question, shape, name=asked.event, limit=asked.limit)
    totals = ask(store, "data/event_names.sql", question, shape, name=asked.event, limit=100_000)
    everything = sum(row["events"] for row in totals.rows())
    rows = [{**row, "fill_rate": min(1.0, row["events"] / everything) if everything else 0.0} for row in answer.rows()]
    return [answer, totals], rows


def values(store: Store, question: Question, asked: PropertyValues) -> tuple[list[Answer], list[dict[str, Any]]]:
    """`value`, `events` and `persons` in the period, most events first; of countries their English `name`, too."""
    found = column(asked.of)
    if not found.events:
        raise BadQuestion("of", f"{asked.of!r} is not a column of events")
    shape = {"one": bool(asked.event), "value": found.text}
    page(asked.limit)
    answer = ask(store, "data/property_values.sql", question, shape, name=asked.event, limit=asked.limit)
    rows = answer.rows()
    return [answer], [{**row, "name": name_of(row["value"])} for row in rows] if asked.of == "country" else rows
