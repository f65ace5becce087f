"""Whether predictions come true: a model of what happened before a day is held against what came after it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import numpy as np

from trackway.analyze.customers.value import History, foresee
from trackway.analyze.language.period import BadQuestion, Period
from trackway.analyze.language.question import Answer, Question, ask, moment
from trackway.store.connection import Store

MOST_REPEATS = 7


class ValueCheck(msgspec.Struct, tag="value_check", tag_field="question", kw_only=True):
    """Orders predicted for the last `weeks` of the period, by customers as they were before, and those that came."""

    weeks: int = 13


def value_check(store: Store, question: Question, asked: ValueCheck) -> tuple[list[Answer], dict[str, Any]]:
    """`rows` by `repeats`, the orders that customers had placed after their first (7 stands for 7 or more): how many
    `customers`, and of each on average the `expected` and the `actual` orders of the weeks that were held out; the same
    of all in `expected` and `actual`; the `model`, or `why` there is none. Orders of a day count as one.

    Raises:
        BadQuestion: weeks that are none.
    """
    if not 1 <= asked.weeks <= 260:
        raise BadQuestion("weeks", "are 1 to 260")
    cut = question.period.end - timedelta(weeks=asked.weeks)
    before = msgspec.structs.replace(question, period=Period(cut - timedelta(days=1), cut))
    known = ask(store, "customers/purchases.sql", before)
    came = ask(store, "customers/purchases_after.sql", question, cut=moment(cut))
    found: dict[str, Any] = {"cut": cut, "weeks": asked.weeks, "customers": known.table.num_rows, "rows": [],
                             "expected": None, "actual": None, "model": None, "why": ""}  # fmt: skip

    if not known.table.num_rows:
        return [known, came], {**found, "why": "nobody had ordered before"}
    history = History.of(known.table)
    forecast = foresee(history, asked.weeks)
    if forecast.model is None:
        return [known, came], {**found, "why": forecast.why}
    after = dict(zip(came.table["person"].to_pylist(), came.table["days"].to_pylist(), strict=True))
    actual = np.array([after.get(person, 0) for person in known.table["person"].to_pylist()], dtype=np.float64)
    groups = np.minimum(history.repeats, MOST_REPEATS)
    rows = [
        {
            "repeats": int(group), "customers": int(here.sum()), "expected": float(forecast.orders[here].mean()),
            "actual": float(actual[here].mean()),
        }
        for group in np.unique(groups)
        for here in [groups == group]
    ]  # fmt: skip
    return [known, came], {
        **found, "rows": rows, "model": forecast.model._asdict(), "expected": float(forecast.orders.sum()),
        "actual": float(actual.sum()),
    }  # fmt: skip
