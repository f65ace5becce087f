"""Answers as rows: the numbers of a chart in one table, for notebooks and spreadsheets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa

from trackway.analyze.language.period import BadQuestion

Row = dict[str, Any]


def table(question: str, data: Any) -> pa.Table:
    """Convert the data of an answer, in the form of `/ask`, to a table.

    Raises:
        BadQuestion: the answer has no tabular form.
    """
    flat = _FLAT.get(question)
    if flat is not None:
        rows = list(flat(data))
    elif isinstance(data, list):
        rows = data
    elif isinstance(data, dict) and isinstance(data.get("rows"), list):
        rows = data["rows"]
    else:
        raise BadQuestion("format", f"the answer of {question} has no tabular form; use json")
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [_cell(row.get(name)) for row in rows] for name in names}
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def _cell(value: Any) -> Any:
    return msgspec.json.encode(value).decode() if isinstance(value, list | dict) else value


def _trend(data: Any) -> Iterator[Row]:
    moments = [datetime.fromisoformat(at) for at in data["moments"]]
    for line in [*data["series"], *data["formulas"]]:
        for part in line.get("parts") or [line]:
            for at, value in zip(moments, part["points"], strict=True):
                number = None if value is None else float(value)
                yield {"at": at, "series": line["name"], "part": part["name"], "value": number}


def _funnel(data: Any) -> Iterator[Row]:
    """Return rows whose `scope` is `whole`, `part` (with its value, which may be empty) or `other` (all other parts
    together).
    """
    yield from ({"scope": "whole", "part": "", "step": at, **step} for at, step in enumerate(data["steps"], 1))
    for part in data.get("parts") or []:
        scope = {"scope": "other", "part": ""} if part["other"] else {"scope": "part", "part": part["value"]}
        yield from ({**scope, "step": at, **step} for at, step in enumerate(part["steps"], 1))


def _retention(data: Any) -> Iterator[Row]:
    for cohort in data["cohorts"]:
        for (first, last), cell in zip(data["spans"], cohort["cells"], strict=False):
            row = {"cohort": cohort["cohort"], "started": cohort["persons"], "cohort_complete": cohort["complete"]}
            yield {**row, "from": first, "to": last, **cell}


def _overview(data: Any) -> Iterator[Row]:
    yield from ({"period": period, **totals} for period, totals in data.items())


_FLAT: dict[str, Callable[[Any], Iterator[Row]]] = {
    "trend": _trend,
    "overview": _overview,
    "live": lambda data: iter(data["minutes"]),
    "funnel": _funnel,
    "entity_funnel": _funnel,
    "active": lambda data: iter(data["days"]),
    "retention": _retention,
    "lifecycle": lambda data: iter(data["intervals"]),
    "paths": lambda data: iter(data["links"]),
    "cohort_sizes": lambda data: iter(data["sizes"]),
}
