"""Backtest of the order predictions: compares a forecast from the time before a day with the orders after it."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import numpy as np

from trackway.analyze.customers.value import History, OrdersModel, foresee
from trackway.analyze.language.period import BadQuestion, Period
from trackway.analyze.language.question import Answer, Question, ask, moment
from trackway.store.connection import Store

MOST_REPEATS = 7


class ValueCheck(msgspec.Struct, tag="value_check", tag_field="question", kw_only=True):
    """Predicts the orders of the last `weeks` of the period from the time before them, and compares them with the
    actual orders.
    """

    weeks: int = 13


class ValueCheckRow(msgspec.Struct):
    """Customers with a number of orders after the first (`repeats`; 7 stands for 7 or more), and the means of their
    expected and actual numbers of orders in the held-out weeks.
    """

    repeats: int
    customers: int
    expected: float | None
    actual: float | None


class ValueCheckAnswer(msgspec.Struct, kw_only=True):
    """The prediction of the orders in the `weeks` after `cut`: the sums of expected and actual orders over all
    customers, and means by orders so far; the fitted model, or the reason that there is none (`why`).
    """

    cut: datetime
    weeks: int
    customers: int
    rows: list[ValueCheckRow] = []
    expected: float | None = None
    actual: float | None = None
    model: OrdersModel | None = None
    why: str = ""


def value_check(store: Store, question: Question, asked: ValueCheck) -> tuple[list[Answer], ValueCheckAnswer]:
    """Compare predicted and actual orders. Several orders of a person on one day count as one.

    Raises:
        BadQuestion: `weeks` is out of range.
    """
    if not 1 <= asked.weeks <= 260:
        raise BadQuestion("weeks", "are 1 to 260")
    cut = question.period.end - timedelta(weeks=asked.weeks)
    before = msgspec.structs.replace(question, period=Period(cut - timedelta(days=1), cut))
    known = ask(store, "customers/purchases.sql", before)
    placed_after = ask(store, "customers/purchases_after.sql", question, cut=moment(cut))
    data = ValueCheckAnswer(cut=cut, weeks=asked.weeks, customers=known.table.num_rows)
    if not known.table.num_rows:
        data.why = "nobody had ordered before"
        return [known, placed_after], data
    history = History.of(known.table)
    forecast = foresee(history, asked.weeks)
    if forecast.model is None:
        data.why = forecast.why
        return [known, placed_after], data
    after = dict(zip(placed_after.table["person"].to_pylist(), placed_after.table["days"].to_pylist(), strict=True))
    actual = np.array([after.get(person, 0) for person in known.table["person"].to_pylist()], dtype=np.float64)
    groups = np.minimum(history.repeats, MOST_REPEATS)
    data.rows = [
        ValueCheckRow(
            int(group), int(in_group.sum()), float(forecast.orders[in_group].mean()), float(actual[in_group].mean())
        )
        for group in np.unique(groups)
        for in_group in [groups == group]
    ]  # fmt: skip
    data.model = OrdersModel(*forecast.model)
    data.expected, data.actual = float(forecast.orders.sum()), float(actual.sum())
    return [known, placed_after], data
