"""Trend: metrics over time, with breakdowns, formulas, running totals and comparison."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from string import ascii_uppercase
from typing import Any

import msgspec

from trackway.analyze.language.formula import compiled
from trackway.analyze.language.period import BadQuestion, Interval, buckets
from trackway.analyze.language.question import Answer, Question, ask, compiler
from trackway.analyze.language.series import ADDITIVE, MONEY, Series, source
from trackway.store.connection import Store

MOST_SERIES = 10
Line = dict[str, Any]
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


def trend(store: Store, question: Question, asked: Trend, currency: str = "USD") -> tuple[list[Answer], Line]:
    """Return every series by interval.

    Returns:
        The answers, and `{"moments": starts of the intervals, "series": lines, "formulas": lines}`. A line has `name`,
        `total` over the whole period (not the sum of the points, where people are counted), `points` (one for each
        interval), and, with `by`, `parts`: lines with `values` of the dimensions, or `other`. A point is None if there
        is nothing to compute a mean or a ratio from.

    Raises:
        BadQuestion: a metric, column or formula is invalid, or there are too many intervals.
    """
    if not 1 <= len(asked.series) <= MOST_SERIES:
        raise BadQuestion("series", f"has 1 to {MOST_SERIES} series")
    if not 1 <= asked.top <= 100 or not 0 <= asked.rolling <= 366:
        raise BadQuestion("top", "is from 1 to 100, and rolling from 0 to 366")
    moments = buckets(question.period, question.timezone, asked.interval)
    answers, lines = [], []
    for number, one in enumerate(asked.series):
        answer, line = _line(store, question, asked, one, f"series[{number}]", moments, currency)
        answers.append(answer)
        lines.append(line)
    names = dict(zip(ascii_uppercase, lines, strict=False))
    formulas = [_combined(text, names, len(moments)) for text in asked.formulas]
    return answers, {"moments": moments, "series": lines, "formulas": formulas}


def _line(
    store: Store, question: Question, asked: Trend, one: Series, field: str, moments: list[datetime], currency: str
) -> tuple[Answer, Line]:
    conditions = compiler(store)
    where = source(store, question, one, asked.by, conditions, currency, field)
    structure = {"source": where, "interval": asked.interval, "money": one.metric in MONEY}
    empty: Number = None
    if one.metric in (*ADDITIVE, "visitors", "persons"):
        empty = Decimal(0) if one.metric in MONEY else 0.0
    name = one.name or " or ".join(one.events) or one.metric
    if asked.cumulative and one.metric in ("visitors", "persons"):
        if asked.by:
            raise BadQuestion("cumulative", "people counted once have no breakdown; leave by or cumulative away")
        whose = where.value.removeprefix("uniqExact(").removesuffix(")")
        answer = ask(store, "behavior/trend_first.sql", question, {**structure, "whose": whose}, conditions)
        counted = {row["at"]: row["value"] for row in answer.rows()}
        return answer, _smoothed(_drawn(name, counted, sum(counted.values()), moments, 0.0), asked)
    answer = ask(store, "behavior/trend.sql", question, structure, conditions, top=asked.top, currency=currency)
    rows = answer.rows()
    whole = [row for row in rows if not asked.by or row["whole"]]
    counted = {row["at"]: row["value"] for row in whole}
    line = _drawn(name, counted, counted.pop(0, empty), moments, empty)
    if asked.by:
        line["parts"] = _parts([row for row in rows if not row["whole"]], asked, moments, empty)
    return answer, _smoothed(line, asked)


def _parts(rows: list[dict[str, Any]], asked: Trend, moments: list[datetime], empty: Number) -> list[Line]:
    counted: dict[tuple[str, ...], dict[int, float]] = {}
    for row in rows:
        counted.setdefault(tuple(row["parts"]), {})[row["at"]] = row["value"]
    lines = []
    for values, points in counted.items():
        total = points.pop(0, empty)
        line = _drawn(" · ".join(values) or "other", points, total, moments, empty)
        lines.append({"values": list(values), "other": not values, **line})
    lines.sort(key=lambda line: (line["other"], -(line["total"] or 0), line["values"]))
    return [_smoothed(line, asked) for line in lines]


def _drawn(name: str, counted: dict[int, Any], total: Number, moments: list[datetime], empty: Number) -> Line:
    by_moment = {
        datetime.fromtimestamp(at, UTC): value for at, value in counted.items() if at and not math.isnan(value)
    }
    total = None if total is None or math.isnan(total) else total
    return {"name": name, "total": total, "points": [by_moment.get(at, empty) for at in moments]}


def _smoothed(line: Line, asked: Trend) -> Line:
    points = line["points"]
    if asked.cumulative:
        summed: Any = 0
        points = []
        for value in line["points"]:
            summed += value or 0
            points.append(summed)
    if asked.rolling > 1:
        points = [_mean(points[max(0, i - asked.rolling + 1) : i + 1]) for i in range(len(points))]
    return {**line, "points": points}


def _float(number: Number) -> float | None:
    return None if number is None else float(number)


def _mean(values: list[Any]) -> Number:
    known: list[Any] = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _combined(text: str, lines: dict[str, Line], size: int) -> Line:
    """Compute a formula over lines, and over the parts of the lines with equal values."""
    value = compiled(text, set(lines))
    combined: Line = {
        "name": text,
        "total": value({name: _float(line["total"]) for name, line in lines.items()}),
        "points": [value({name: _float(line["points"][i]) for name, line in lines.items()}) for i in range(size)],
    }
    if all("parts" in line for line in lines.values()):
        parts = {name: {tuple(part["values"]): part for part in line["parts"]} for name, line in lines.items()}
        nothing: Line = {"total": 0.0, "points": [0.0] * size}
        keys = dict.fromkeys(key for of_line in parts.values() for key in of_line)
        combined["parts"] = [
            {
                "values": list(key),
                "other": not key,
                **_combined(text, {name: parts[name].get(key, {**nothing, "name": ""}) for name in lines}, size),
            }
            for key in keys
        ]
    return combined
