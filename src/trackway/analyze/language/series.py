"""Metrics: their definitions over tables, and the counters that can answer them exactly."""

from __future__ import annotations

from typing import NamedTuple

from trackway.analyze.language.columns import BOTH, EVENT, JOURNEY, PREDICTION, SESSION, column
from trackway.analyze.language.conditions import Compiler
from trackway.analyze.language.filters import Group
from trackway.analyze.language.period import BadQuestion
from trackway.analyze.language.question import Question, everybody, sampled, without_bots
from trackway.analyze.language.steps import Step
from trackway.store.connection import Store

MOST_DIMENSIONS = 3


class Series(Step, kw_only=True, forbid_unknown_fields=True):
    """One series of a trend: a metric of a step's events.

    `property` is the property for `sum`, `average`, `min`, `max`, `median`, `p75`, `p90`, `p95` and `p99`.
    """

    metric: str = "events"
    property: str = ""


class Source(NamedTuple):
    """The source of a metric: a table, its time column, the SQL of the value, the conditions on rows, and the
    dimensions.

    The table `orders` contains orders alone, `orders_with_events` orders joined with the events that report them
    (orders.sql).
    """

    table: str
    at: str
    value: str
    conditions: str
    dimensions: list[str]


_COUNTS = {
    "events": "count()",
    "page_views": "countIf(type IN ('page', 'screen'))",
    "visitors": "uniqExact(xxh3(visitor_id))",
    "persons": "uniqExact({person})",
    "per_person": "count() / uniqExact({person})",
    "event_revenue": "sumIf(toDecimal128(revenue, 4), currency IN ('', {currency}) AND type = 'track')",
}
_OF_ORDERS = {"revenue": "sum(worth)"}
"""Revenue counts each order and booking once by id, less refunds; `event_revenue` sums the revenue of events."""
_OF_PROPERTY = {
    "sum": "sum({number})",
    "average": "avg({number})",
    "min": "min({number})",
    "max": "max({number})",
    **{name: f"quantileExact({level})({{number}})" for name, level in
       (("median", 0.5), ("p75", 0.75), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99))},
}  # fmt: skip
_OF_SESSIONS = {
    "sessions": "count()",
    "bounce_rate": "countIf(acts <= 1) / count()",
    "duration_s": "avg(dateDiff('millisecond', started_at, ended_at)) / 1000",
    "median_duration_s": "quantileExact(0.5)(dateDiff('millisecond', started_at, ended_at)) / 1000",
    "depth": "avg(page_views)",
}
_COUNTED = {
    "events": ("event_counts", "sum(events)"),
    "page_views": ("event_counts", "sum(page_views)"),
    "event_revenue": ("revenue_counts", "sumIf(revenue, currency IN ('', {currency}))"),
}
_COUNTED_SESSIONS = {
    "sessions": "sum(sessions)",
    "bounce_rate": "sum(bounces) / sum(sessions)",
    "duration_s": "sum(duration_ms) / sum(sessions) / 1000",
    "depth": "sum(page_views) / sum(sessions)",
}
_SOURCE_COLUMNS = frozenset(["channel", "source", "medium", "campaign"])
METRICS = (*_COUNTS, *_OF_ORDERS, *_OF_PROPERTY, *_OF_SESSIONS)
ADDITIVE = frozenset(["events", "page_views", "revenue", "event_revenue", "sessions", "sum"])
"""Metrics whose total is the sum of their parts."""
MONEY = frozenset(["revenue", "event_revenue"])


def source(
    store: Store, question: Question, series: Series, by: list[str], conditions: Compiler, currency: str, field: str
) -> Source:
    """Choose the source of a series. Counters are used when they can answer exactly.

    Raises:
        BadQuestion: the metric is unknown, its property is missing, or its rows do not have a dimension.
    """
    if series.metric not in METRICS:
        raise BadQuestion(f"{field}.metric", f"{series.metric!r} is not a metric; use one of {', '.join(METRICS)}")
    if (series.metric in _OF_PROPERTY) != bool(series.property):
        raise BadQuestion(f"{field}.property", f"is required for {', '.join(_OF_PROPERTY)}, and only for these")
    if len(by) > MOST_DIMENSIONS:
        raise BadQuestion("by", f"has at most {MOST_DIMENSIONS} dimensions")
    if series.metric in _OF_ORDERS:
        return _of_orders(question, series, by, conditions, field)
    counted = _counted(store, question, series, by, conditions, currency)
    return counted or _raw(question, series, by, conditions, currency, field)


def _of_orders(question: Question, series: Series, by: list[str], conditions: Compiler, field: str) -> Source:
    """Count orders alone, or, when columns of events are needed, orders joined with the events that report them."""
    dimensions = _dimensions(series, by, EVENT, conditions)
    if not (dimensions or series.events or series.where or question.filters):
        return Source("orders", "ordered_at", _OF_ORDERS[series.metric], f"1{sampled(question, conditions)}", [])
    nodes = Group("all", (*question.filters, series.node(field)))
    where = conditions.on_events(nodes) + sampled(question, conditions)
    return Source("orders_with_events", "ordered_at", _OF_ORDERS[series.metric], where, dimensions)


def _dimensions(series: Series, by: list[str], of: str, conditions: Compiler) -> list[str]:
    for name in by:
        if column(name).of not in (BOTH, JOURNEY, PREDICTION, of):
            kind = "sessions" if of == SESSION else "events"
            raise BadQuestion("by", f"{name!r} is not a column of {kind}, which is what {series.metric} counts")
    return [conditions.column(name).text for name in by]


def _raw(question: Question, series: Series, by: list[str], conditions: Compiler, currency: str, field: str) -> Source:
    of_sessions = series.metric in _OF_SESSIONS
    dimensions = _dimensions(series, by, SESSION if of_sessions else EVENT, conditions)
    nodes = Group("all", (*question.filters, series.node(field)))
    always = everybody(question, conditions)
    if of_sessions:
        where = conditions.on_sessions(nodes) + always
        return Source("sessions FINAL", "started_at", _OF_SESSIONS[series.metric], where, dimensions)
    template = _COUNTS.get(series.metric) or _OF_PROPERTY[series.metric]
    value = template.format(
        person=conditions.person if "{person}" in template else "",
        number=column(series.property).number if series.property else "",
        currency=conditions.values.bind(currency, "String") if "{currency}" in template else "",
    )
    return Source("events", "timestamp", value, conditions.on_events(nodes) + always, dimensions)


def _counted(
    store: Store, question: Question, series: Series, by: list[str], conditions: Compiler, currency: str
) -> Source | None:
    """Choose the counters that can answer, if there are any."""
    if series.where or not question.plain(store):
        return None
    bots = without_bots(question, conditions)
    if series.metric in _COUNTED and set(by) <= {"name"}:
        table, value = _COUNTED[series.metric]
        if "{currency}" in value:
            value = value.format(currency=conditions.values.bind(currency, "String"))
        names = f" AND name IN {conditions.values.bind(series.events, 'Array(String)')}" if series.events else ""
        return Source(table, "hour", value, bots + names, list(by))
    if series.events:
        return None
    if series.metric in ("persons", "visitors") and not by:
        unit = conditions.person if series.metric == "persons" else "visitor"
        return Source(store.persons.activity, "hour", f"uniqExact({unit})", bots, [])
    if series.metric in _COUNTED_SESSIONS and set(by) <= _SOURCE_COLUMNS:
        return Source("source_counts", "hour", _COUNTED_SESSIONS[series.metric], bots, list(by))
    return None
