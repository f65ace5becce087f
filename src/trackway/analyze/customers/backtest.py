"""Backtest of the order predictions: compares a forecast from the time before a day with the orders after it."""

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
    """Predicts the orders of the last `weeks` of the period from the time before them, and compares them with the
    actual orders.
    """

    weeks: int = 13


def value_check(store: Store, question: Question, asked: ValueCheck) -> tuple[list[Answer], dict[str, Any]]:
    """Compare predicted and actual orders. Several orders of a person on one day count as one.

    Returns:
        The answers, and `rows` by `repeats` (the number of a customer's orders after the first; 7 stands for 7 or
        more): the number of `customers`, and their mean `expected` and `actual` number of orders in the held-out weeks.
        `expected` and `actual` beside `rows` are the sums over all customers. `model` is the fitted model, or `why` the
        reason that there is none.

    Raises:
        BadQuestion: `weeks` is out of range.
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
