"""Trend: metrics over time, with breakdowns, formulas, running totals and comparison."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from string import ascii_uppercase
from typing import Any

import msgspec

from trackway.analyze.language.formula import compiled
from trackway.analyze.language.period import BadQuestion, Interval, buckets
from trackway.analyze.language.question import Answer, Question, ask, compiler
from trackway.analyze.language.sampling import Margin, margin
from trackway.analyze.language.series import ADDITIVE, MONEY, Series, source
from trackway.store.connection import Store

MOST_SERIES = 10
Number = float | Decimal | None
"""Money is a Decimal, which is text in JSON; everything else is a float."""


class Trend(msgspec.Struct, tag="trend", tag_field="question", kw_only=True):
    """The series A, B, …, formulas over them, the dimensions of a breakdown, and the smoothing.

    A breakdown shows the `top` values, and all others together as other. `cumulative` adds up from the start of the
    period (people count once); `rolling` is the number of intervals of the moving average that ends with each point.
    """

    series: list[Series] = msgspec.field(default_factory=lambda: [Series()])
    formulas: list[str] = []
    interval: Interval = "day"
    by: list[str] = []
    top: int = 10
    cumulative: bool = False
    rolling: int = 0


class Line(msgspec.Struct, kw_only=True):
    """A line of a chart: `total` over the whole period (not the sum of the points, where people are counted), and a
    point for each interval, None if there is nothing to compute a mean or a ratio from. Revenue is an amount of the
    project's currency, durations are seconds, rates are 0 to 1.
    """

    name: str
    total: Number
    total_margin: Margin = msgspec.UNSET
    points: list[Number]
    point_margins: list[float] | msgspec.UnsetType = msgspec.UNSET


class TrendPart(Line, kw_only=True):
    """A part of a line: the `values` of the dimensions, or all `other` values together."""

    values: list[str]
    other: bool


class TrendLine(Line, kw_only=True):
    """The line of a series or formula, with its parts if the question has a breakdown."""

    parts: list[TrendPart] | msgspec.UnsetType = msgspec.UNSET


class TrendAnswer(msgspec.Struct):
    """The starts of the intervals (`moments`), and a line for each series and each formula."""

    moments: list[datetime]
    series: list[TrendLine]
    formulas: list[TrendLine]


def trend(store: Store, question: Question, asked: Trend, currency: str = "USD") -> tuple[list[Answer], TrendAnswer]:
    """Count every series by interval.

    Raises:
        BadQuestion: a metric, column or formula is invalid, or there are too many intervals.
    """
    if not 1 <= len(asked.series) <= MOST_SERIES:
        raise BadQuestion("series", f"has 1 to {MOST_SERIES} series")
    if not 1 <= asked.top <= 100 or not 0 <= asked.rolling <= 366:
        raise BadQuestion("top", "is from 1 to 100, and rolling from 0 to 366")
    moments = buckets(question.period, question.timezone, asked.interval)
    answers, lines = [], []
    for number, series in enumerate(asked.series):
        answer, line = _line(store, question, asked, series, f"series[{number}]", moments, currency)
        answers.append(answer)
        lines.append(line)
    names = dict(zip(ascii_uppercase, lines, strict=False))
    formulas = [_formula(text, names, len(moments)) for text in asked.formulas]
    return answers, TrendAnswer(moments, lines, formulas)


def _line(
    store: Store, question: Question, asked: Trend, series: Series, field: str, moments: list[datetime], currency: str
) -> tuple[Answer, TrendLine]:
    conditions = compiler(store, question)
    where = source(store, question, series, asked.by, conditions, currency, field)
    structure = {"source": where, "interval": asked.interval, "money": series.metric in MONEY}
    empty: Number = None
    if series.metric in (*ADDITIVE, "visitors", "persons"):
        empty = Decimal(0) if series.metric in MONEY else 0.0
    name = series.name or " or ".join(series.events) or series.metric
    if asked.cumulative and series.metric in ("visitors", "persons"):
        if asked.by:
            raise BadQuestion(
                "cumulative", "cumulative numbers of people cannot be broken down; leave out by or cumulative"
            )
        unit = where.value.removeprefix("uniqExact(").removesuffix(")")
        answer = ask(store, "behavior/trend_first.sql", question, {**structure, "unit": unit}, conditions)
        counted = {row["at"]: row["value"] for row in answer.rows()}
        total, points = _drawn(counted, sum(counted.values()), moments, 0.0)
        return answer, TrendLine(name=name, total=total, points=_smoothed(points, asked))
    answer = ask(store, "behavior/trend.sql", question, structure, conditions, top=asked.top, currency=currency)
    rows = answer.rows()
    whole = [row for row in rows if not asked.by or row["whole"]]
    counted = {row["at"]: row["value"] for row in whole}
    total, points = _drawn(counted, counted.pop(0, empty), moments, empty)
    line = TrendLine(name=name, total=total, points=_smoothed(points, asked))
    if asked.by:
        line.parts = _parts([row for row in rows if not row["whole"]], asked, moments, empty)
    return answer, line


def _parts(rows: list[dict[str, Any]], asked: Trend, moments: list[datetime], empty: Number) -> list[TrendPart]:
    counted: dict[tuple[str, ...], dict[int, float]] = {}
    for row in rows:
        counted.setdefault(tuple(row["parts"]), {})[row["at"]] = row["value"]
    parts = []
    for values, by_moment in counted.items():
        total, points = _drawn(by_moment, by_moment.pop(0, empty), moments, empty)
        name = " · ".join(values) or "other"
        parts.append(
            TrendPart(name=name, total=total, points=_smoothed(points, asked), values=list(values), other=not values)
        )
    return sorted(parts, key=lambda part: (part.other, -(part.total or 0), part.values))


def _drawn(
    counted: dict[int, Any], total: Number, moments: list[datetime], empty: Number
) -> tuple[Number, list[Number]]:
    """Return the total and the points of a line."""
    by_moment = {
        datetime.fromtimestamp(at, UTC): value for at, value in counted.items() if at and not math.isnan(value)
    }
    total = None if total is None or math.isnan(total) else total
    return total, [by_moment.get(at, empty) for at in moments]


def _smoothed(points: list[Number], asked: Trend) -> list[Number]:
    if asked.cumulative:
        summed: Any = 0
        sums = []
        for value in points:
            summed += value or 0
            sums.append(summed)
        points = sums
    if asked.rolling > 1:
        points = [_mean(points[max(0, i - asked.rolling + 1) : i + 1]) for i in range(len(points))]
    return points


def _float(number: Number) -> float | None:
    return None if number is None else float(number)


def _mean(values: list[Any]) -> Number:
    known: list[Any] = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _formula(text: str, lines: dict[str, TrendLine], size: int) -> TrendLine:
    """Compute a formula over lines, and over the parts of the lines with equal values."""
    total, points = _computed(text, lines, size)
    formula = TrendLine(name=text, total=total, points=points)
    parts = {name: {tuple(part.values): part for part in line.parts or []} for name, line in lines.items()}
    if any(line.parts is msgspec.UNSET for line in lines.values()):
        return formula
    nothing = Line(name="", total=0.0, points=[0.0] * size)
    formula.parts = []
    for values in dict.fromkeys(values for of_line in parts.values() for values in of_line):
        own = {name: of_line.get(values, nothing) for name, of_line in parts.items()}
        total, points = _computed(text, own, size)
        formula.parts.append(TrendPart(name=text, total=total, points=points, values=list(values), other=not values))
    return formula


def _computed(text: str, lines: Mapping[str, Line], size: int) -> tuple[Number, list[Number]]:
    """Return the total and the points of a formula."""
    value = compiled(text, set(lines))
    total = value({name: _float(line.total) for name, line in lines.items()})
    return total, [value({name: _float(line.points[i]) for name, line in lines.items()}) for i in range(size)]


def make_lines_whole(lines: Sequence[Line], share: float) -> None:
    """Extrapolate lines that count the people of a sample, and add margins of error: `total_margin`,
    `point_margins`.
    """
    for line in lines:
        total, points = float(line.total or 0), [float(point or 0) for point in line.points]
        line.total, line.total_margin = total / share, margin(total, share)
        line.points = [point / share for point in points]
        line.point_margins = [margin(point, share) for point in points]
        if isinstance(line, TrendLine) and line.parts:
            make_lines_whole(line.parts, share)
