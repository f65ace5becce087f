"""Retention: how many of the people who started something came back, and when.

A person is in the cohort of an interval (a day, week or month of the project's time zone) if they did the start event
in it, within the period: with `first_time` only in the interval of their first start event ever, with `recurring` in
every interval with a start event. If the period cuts the interval of a cohort, the cohort contains only people who
started in the part within the period. A person came back after k intervals if they did the return event in the k-th
interval after that (`on`), in it or any later one (`on_or_after`), or in one of the intervals of a bracket (`bracket`).
"After 0 intervals" means in the same interval: if both events are the same, that is everybody who started.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from trackway.analyze.language.activity_source import Intervals, presence
from trackway.analyze.language.columns import column
from trackway.analyze.language.period import BadQuestion, ordinal, ordinal_of
from trackway.analyze.language.question import Answer, Question, ask, compiler, moment
from trackway.analyze.language.sampling import Margin
from trackway.analyze.language.steps import Step, any_of
from trackway.store.connection import Store

_MOST_INTERVALS = 400
_LENGTH = {"day": 1, "week": 7, "month": 31}


class Retention(msgspec.Struct, tag="retention", tag_field="question", kw_only=True):
    """The start event, the return event, and the intervals to look at: `intervals` after the first, or `brackets` of
    intervals, each with its first and last, both included.
    """

    start: Step = msgspec.field(default_factory=Step)
    come_back: Step = msgspec.field(default_factory=Step, name="return")
    interval: Literal["day", "week", "month"] = "week"
    intervals: int = 8
    kind: Literal["first_time", "recurring"] = "first_time"
    mode: Literal["on", "on_or_after", "bracket"] = "on"
    brackets: list[tuple[int, int]] = []
    by: str = ""
    top: int = 10


class RetentionPeople(Retention, tag="retention_people", tag_field="question", kw_only=True):
    """The people in a cell: the cohort by its first day, and the number of intervals later (-1: all who started)."""

    cohort: str
    later: int = -1
    limit: int = 100
    offset: int = 0


class RetentionCell(msgspec.Struct, kw_only=True):
    """The number of people who came back, their share (0 to 1) of the cohort, and whether that time is over (never with
    `on_or_after`).
    """

    persons: int
    persons_margin: Margin = msgspec.UNSET
    rate: float | None
    complete: bool


class RetentionCohort(msgspec.Struct, kw_only=True):
    """A cohort by its first day in the period (YYYY-MM-DD): the number of people who started, whether its interval lies
    completely in the period and is over, and a cell for each span.
    """

    cohort: str
    persons: int
    persons_margin: Margin = msgspec.UNSET
    complete: bool
    cells: list[RetentionCell]


class Triangle(msgspec.Struct, kw_only=True):
    """A retention triangle. `spans` are the numbers of intervals later (first and last) of the cells; `average` has for
    each the share (0 to 1) over the complete cells (after 0 intervals over all cells), weighted by the size of cohorts.
    """

    cohorts: list[RetentionCohort]
    average: list[float | None]
    interval: Literal["day", "week", "month"]
    spans: list[tuple[int, int]]


class RetentionPart(Triangle, kw_only=True):
    """The triangle of one value of the breakdown, or of all `other` values together."""

    value: str
    other: bool


class RetentionAnswer(Triangle, kw_only=True):
    """The triangle of everybody, with the parts if the question has a breakdown."""

    parts: list[RetentionPart] | msgspec.UnsetType = msgspec.UNSET


class RetentionPerson(msgspec.Struct):
    """A person, and the first days (YYYY-MM-DD) of the intervals in which they came back."""

    person: str
    returns: list[str]


def retention(
    store: Store, question: Question, asked: Retention, now: datetime
) -> tuple[list[Answer], RetentionAnswer]:
    """Count the people of each cohort who came back."""
    answer = _ask(store, question, asked, now, "cells")
    answers, data = [answer], RetentionAnswer(**_triangle(answer.rows(), asked, question, now))
    if asked.by:
        split = _ask(store, question, asked, now, "cells", by=True)
        answers.append(split)
        by_part: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for row in split.rows():
            by_part.setdefault(tuple(row["part"]), []).append(row)
        parts = [
            RetentionPart(value="".join(part), other=not part, **_triangle(rows, asked, question, now))
            for part, rows in by_part.items()
        ]
        data.parts = sorted(parts, key=lambda part: (part.other, -sum(cohort.persons for cohort in part.cohorts)))
    return answers, data


def retention_people(
    store: Store, question: Question, asked: RetentionPeople, now: datetime
) -> tuple[list[Answer], list[RetentionPerson]]:
    """List the people of one cell."""
    answer = _ask(
        store,
        question,
        asked,
        now,
        "people",
        cohort=ordinal_of("cohort", asked.cohort, question.timezone, asked.interval),
        later=asked.later,
        limit=asked.limit,
        offset=asked.offset,
    )
    intervals = Intervals(question, asked.interval, now)
    return [answer], [
        RetentionPerson(str(row["person"]), [intervals.day(number) for number in sorted(row["returns"])])
        for row in answer.rows()
    ]


def _ask(store: Store, question: Question, asked: Retention, now: datetime, show: str, **shape: Any) -> Answer:
    if not 1 <= asked.intervals <= _MOST_INTERVALS:
        raise BadQuestion("intervals", f"is from 1 to {_MOST_INTERVALS}")
    if (asked.mode == "bracket") != bool(asked.brackets):
        raise BadQuestion("brackets", "are required with the mode bracket and cannot be used with another mode")
    if asked.by and not column(asked.by).events:
        raise BadQuestion("by", f"{asked.by!r} is not a column of events")
    conditions = compiler(store, question)
    steps = [asked.start, asked.come_back]
    by = asked.by if shape.pop("by", False) else ""
    source = presence(store, question, steps, conditions, by)
    structure = {
        "show": show,
        "source": source,
        "interval": asked.interval,
        "first_time": asked.kind == "first_time",
        "starts": "1" if source.counted else conditions.on_events(asked.start.node("start")),
        "returns": "1" if source.counted else conditions.on_events(asked.come_back.node("return")),
        "names": "1" if source.counted else any_of(steps, conditions),
        "by": conditions.column(by).text if by else "",
        "came_back": _came_back(asked),
    }
    horizon = max((to for _, to in asked.brackets), default=asked.intervals) + 1
    until = min(now, question.period.end + timedelta(days=horizon * _LENGTH[asked.interval]))
    return ask(
        store,
        "behavior/retention.sql",
        question,
        structure,
        conditions,
        until=moment(max(until, question.period.start)),
        top=asked.top,
        **shape,
    )


def _came_back(asked: Retention) -> str:
    """Return the SQL of the numbers of intervals (or the brackets) after which a person came back. It contains only
    integers of this module's own.
    """
    if asked.mode == "on":
        n = int(asked.intervals)
        return f"arrayFilter(k -> k BETWEEN 0 AND {n}, arrayMap(number -> toInt32(number - cohort), returns))"
    if asked.mode == "on_or_after":
        n = int(asked.intervals)
        return f"arrayMap(k -> toInt32(k), range(0, toUInt32(greatest(0, least({n}, arrayMax(returns) - cohort) + 1))))"
    inside = ", ".join(
        f"if(arrayExists(number -> number - cohort BETWEEN {int(a)} AND {int(b)}, returns), {number}, -1)"
        for number, (a, b) in enumerate(asked.brackets)
    )
    return f"arrayFilter(k -> k >= 0, arrayMap(k -> toInt32(k), [{inside}]))"


def _triangle(rows: list[dict[str, Any]], asked: Retention, question: Question, now: datetime) -> dict[str, Any]:
    """Return the fields of a triangle."""
    counted = {(row["cohort"], row["later"]): row["persons"] for row in rows}
    today = ordinal(now, question.timezone, asked.interval)
    spans = asked.brackets or [(k, k) for k in range(asked.intervals + 1)]
    intervals = Intervals(question, asked.interval, now)
    cohorts = []
    for number in range(intervals.first, min(intervals.last, today) + 1):
        size = counted.get((number, -1), 0)
        cells = [
            RetentionCell(
                persons=(persons := counted.get((number, k), 0)),
                rate=persons / size if size else None,
                complete=number + until < today and asked.mode != "on_or_after",
            )
            for k, (_, until) in enumerate(spans)
            if number + spans[k][0] <= today
        ]
        whole = intervals.complete(number)
        cohorts.append(RetentionCohort(cohort=intervals.day(number), persons=size, complete=whole, cells=cells))
    average = []
    for k in range(len(spans)):
        over = [cohort for cohort in cohorts if len(cohort.cells) > k and (cohort.cells[k].complete or k == 0)]
        size = sum(cohort.persons for cohort in over)
        average.append(sum(cohort.cells[k].persons for cohort in over) / size if size else None)
    return {"cohorts": cohorts, "average": average, "interval": asked.interval, "spans": spans}
