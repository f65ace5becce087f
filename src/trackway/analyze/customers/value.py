"""Customer value: future orders, their value, and the probability of still being a customer (models: lifetimes.py)."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from trackway.analyze.customers.lifetimes import (
    Floats,
    NotFitted,
    Orders,
    Spending,
    expected_orders,
    expected_value,
    fit_lifetimes,
    fit_orders,
    fit_spending,
    orders_between,
    still_active,
    value_between,
)
from trackway.analyze.language.goals import goals_of
from trackway.analyze.language.period import BadQuestion, page
from trackway.analyze.language.question import Answer, Question, ask
from trackway.store.connection import Store

DAYS_A_WEEK = 7.0


class CustomerValue(msgspec.Struct, tag="customer_value", tag_field="question", kw_only=True):
    """The forecast of customers' orders within `weeks` after the end of the period.

    `orders` names the events that count as orders. Several events of the same order count once, and several orders of a
    person on one day count as one. `sort` puts first the customers with the highest future value, the highest
    probability of being active, the most expected orders, or the most orders so far.
    """

    orders: list[str] = msgspec.field(default_factory=lambda: ["Order Completed"])
    weeks: int = 13
    sort: Literal["value", "active", "expected_orders", "orders"] = "value"
    limit: int = 50
    offset: int = 0


class OrdersModel(msgspec.Struct):
    """The parameters of the fitted BG/NBD model (`lifetimes.Orders`)."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float


class SpendingModel(msgspec.Struct):
    """The parameters of the fitted Gamma-Gamma model (`lifetimes.Spending`)."""

    p: float
    q: float
    gamma: float
    log_likelihood: float


class CustomerValueRow(msgspec.Struct, kw_only=True):
    """A customer: the orders so far with the first and the last day, and what they `paid`; the probability of being
    `active`, the number of `expected_orders` with `low` and `high` (80 %), the `mean_value` of a future order with
    `mean_low` and `mean_high` (80 %), and the `value` of all future orders. Amounts are in the project's currency; an
    amount that cannot be converted counts as 0.
    """

    person: str
    name: str
    user_id: str
    visitor_id: str
    orders: int
    first_order: date
    last_order: date
    paid: str
    active: float | None
    expected_orders: float | None
    low: float | None
    high: float | None
    mean_value: float | None
    mean_low: float | None
    mean_high: float | None
    value: float | None


class CustomerValueAnswer(msgspec.Struct, kw_only=True):
    """The number of people who ordered at all, the fitted models of orders and of spending (None if they cannot be
    fitted, with the reason in `why`), the sums over all customers within `weeks`, and a page of the list.
    """

    customers: int
    currency: str
    weeks: int
    model: OrdersModel | None = None
    spending: SpendingModel | None = None
    why: str = ""
    expected_orders: float | None = None
    value: float | None = None
    rows: list[CustomerValueRow] = []


def customer_value(
    store: Store, question: Question, asked: CustomerValue, currency: str
) -> tuple[list[Answer], CustomerValueAnswer]:
    """Forecast the orders of customers.

    Raises:
        BadQuestion: there are no events, or `weeks` is out of range.
    """
    page(asked.limit, asked.offset)
    if not 1 <= asked.weeks <= 520 or not 1 <= len(asked.orders) <= 20:
        raise BadQuestion("weeks", "are 1 to 520, and orders are 1 to 20 events")
    kinds, others = goals_of(asked.orders)
    answer = ask(store, "customers/value.sql", question, orders=others, kinds=kinds, currency=currency)
    table = answer.table
    data = CustomerValueAnswer(customers=table.num_rows, currency=currency, weeks=asked.weeks)
    history = History.of(table)
    repeats, recency, age = history.repeats, history.recency, history.age
    forecast = foresee(history, asked.weeks)
    if forecast.model is None:
        data.why = forecast.why
        return [answer], data
    model, spending, mean = forecast.model, forecast.spending, forecast.mean
    coming, stays, worth = forecast.orders, forecast.active, forecast.value
    by = {"value": worth if spending else coming, "active": stays, "expected_orders": coming, "orders": repeats}
    order = np.argsort(-by[asked.sort], kind="stable")[asked.offset : asked.offset + asked.limit]
    low, high = orders_between(model, asked.weeks, repeats[order], recency[order], age[order])
    data.rows = [
        CustomerValueRow(
            person=str(row["person"]), name=row["name"], user_id=row["user_id"], visitor_id=row["visitor_id"],
            orders=row["repeats"] + 1, first_order=row["first_order"], last_order=row["last_order"],
            paid=str(row["paid"]), active=_finite(stays[at]), expected_orders=_finite(coming[at]),
            low=_finite(low[n]), high=_finite(high[n]), **_values(spending, repeats[at], mean[at]),
            value=_finite(worth[at]) if spending else None,
        )
        for n, (at, row) in enumerate(zip(order, table.take(order).to_pylist(), strict=True))
    ]  # fmt: skip
    data.model = OrdersModel(*model)
    data.spending = SpendingModel(*spending) if spending else None
    data.expected_orders = float(coming.sum())
    data.value = float(worth.sum()) if spending else None
    return [answer], data


class History(NamedTuple):
    """The purchase history of customers, one array element for each: orders after the first, weeks from the first order
    to the last, weeks since the first order, the amount of all orders, and the amount of the first.
    """

    repeats: Floats
    recency: Floats
    age: Floats
    paid: Floats
    paid_first: Floats

    @classmethod
    def of(cls, table: pa.Table) -> History:
        """Read the history from an answer of `purchases.sql` or `value.sql`."""
        return cls(
            numbers(table, "repeats"), numbers(table, "recency_days") / DAYS_A_WEEK,
            numbers(table, "age_days") / DAYS_A_WEEK, numbers(table, "paid"), numbers(table, "paid_first"),
        )  # fmt: skip


def numbers(table: pa.Table, name: str) -> Floats:
    """Return a column of an answer as floats."""
    return np.asarray(table[name].to_numpy(), dtype=np.float64)


class Forecast(NamedTuple):
    """The forecast for customers: the models (None if they cannot be fitted, with the reason in `why`), and for each
    customer the probability of being active, the expected orders, the mean amount of the orders so far after the first,
    and the expected value.
    """

    model: Orders | None
    spending: Spending | None
    why: str
    active: Floats
    orders: Floats
    mean: Floats
    value: Floats


def foresee(of: History, weeks: float) -> Forecast:
    """Forecast the orders of customers within a number of weeks."""
    nothing = np.zeros(0)
    try:
        histories, weights = np.unique(np.stack([of.repeats, of.recency, of.age]), axis=1, return_counts=True)
        model = fit_orders(histories[0], histories[1], histories[2], weights.astype(np.float64))
    except NotFitted as error:
        return Forecast(None, None, str(error), nothing, nothing, nothing, nothing)
    # The first order is what makes somebody a customer, so only later orders predict the value of future ones.
    mean = np.divide(of.paid - of.paid_first, of.repeats, out=np.zeros_like(of.paid), where=of.repeats > 0)
    spending = _spending(of.repeats, mean)
    coming = expected_orders(model, weeks, of.repeats, of.recency, of.age)
    stays = _still(of, histories, weights.astype(np.float64))
    worth = coming * (expected_value(spending, of.repeats, mean) if spending else np.nan)
    return Forecast(model, spending, "", stays, coming, mean, worth)


def _still(of: History, histories: Floats, weights: Floats) -> Floats:
    """Return the probability that each customer is still active; NaN if the model cannot be fitted."""
    try:
        model = fit_lifetimes(histories[0], histories[1], histories[2], weights)
    except NotFitted:
        return np.full(len(of.repeats), np.nan)
    return still_active(model, of.repeats, of.recency, of.age)


def _spending(repeats: Floats, mean: Floats) -> Spending | None:
    """Fit the model of order values; None if too few orders have a value."""
    try:
        return fit_spending(repeats, mean)
    except NotFitted:
        return None


def _values(spending: Spending | None, orders: float, mean: float) -> dict[str, float | None]:
    """Return the mean value of one customer's future orders, with its interval."""
    if spending is None:
        return {"mean_value": None, "mean_low": None, "mean_high": None}
    customer = np.array([orders]), np.array([mean])
    least, most = value_between(spending, *customer)
    return {
        "mean_value": _finite(expected_value(spending, *customer)[0]),
        "mean_low": _finite(least[0]),
        "mean_high": _finite(most[0]),
    }


def _finite(value: Any) -> float | None:
    """Convert a number of numpy to Python; a number that is not finite becomes None."""
    return float(value) if np.isfinite(value) else None
