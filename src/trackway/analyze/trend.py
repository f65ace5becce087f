"""Trend: one metric over time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from trackway.analyze.filters import compile_filters
from trackway.analyze.period import BadQuestion, Interval, buckets
from trackway.analyze.question import Answer, Question, ask
from trackway.store.connection import Store


class _Metric(NamedTuple):
    source: str
    at: str
    value: str


_RAW = {
    "events": _Metric("events", "timestamp", "count()"),
    "visitors": _Metric("events", "timestamp", "uniqExact(visitor_id)"),
    "page_views": _Metric("events", "timestamp", "countIf(type IN ('page', 'screen'))"),
    "sessions": _Metric("sessions FINAL", "started_at", "count()"),
}
_ROLLED_UP = {
    "events": _Metric("event_counts", "hour", "sum(events)"),
    "page_views": _Metric("event_counts", "hour", "sum(page_views)"),
    "sessions": _Metric("source_counts", "hour", "sum(sessions)"),
}
METRICS = tuple(_RAW)


def trend(store: Store, question: Question, metric: str, interval: Interval) -> tuple[Answer, list[dict[str, Any]]]:
    """A metric by interval.

    The hourly counters answer where they can do so exactly: no filter, and a time zone of whole hours.

    Returns:
        The answer and one `{"at": start of the interval in UTC, "value": count}` for every interval of the period.

    Raises:
        BadQuestion: no such metric, or too many intervals.
    """
    if metric not in _RAW:
        raise BadQuestion("metric", f"{metric!r} is not a metric; use one of {', '.join(METRICS)}")
    moments = buckets(question.period, question.timezone, interval)
    rolled_up = metric in _ROLLED_UP and not question.filters and _whole_hours(question, moments)
    chosen = (_ROLLED_UP if rolled_up else _RAW)[metric]
    conditions = compile_filters(list(question.filters))
    own = conditions.sessions if chosen.source.startswith("sessions") else conditions.events
    bots = "" if question.bots else " AND is_bot = 0" if rolled_up else " AND bot = ''"
    answer = ask(
        store,
        "trend.sql",
        question,
        {"source": chosen.source, "at": chosen.at, "metric": chosen.value, "interval": interval,
         "conditions": own + bots},
    )  # fmt: skip
    counted = {datetime.fromtimestamp(row["at"], UTC): row["value"] for row in answer.rows()}
    return answer, [{"at": at, "value": counted.get(at, 0)} for at in moments]


def _whole_hours(question: Question, moments: list[datetime]) -> bool:
    return all(at.minute == at.second == 0 for at in (*moments, question.period.start, question.period.end))
