"""Customer scores: the expected future of each customer and their RFM scores, stored for pages and filters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from trackway.analyze.customers.lifetimes import Floats, expected_value, orders_between, value_between
from trackway.analyze.customers.rfm_scores import names, scores
from trackway.analyze.customers.value import Forecast, History, foresee, numbers
from trackway.analyze.language.period import Period, period
from trackway.analyze.language.question import Question, ask
from trackway.event import now
from trackway.govern.tables import Project
from trackway.statements import Statements
from trackway.store.connection import Store

_sql = Statements(__name__)

WEEKS = 13
"""The number of weeks that a forecast covers."""
_DRAWS = 400
_NONE = -1.0
"""The value of a score that cannot be computed."""


def score(store: Store, project: Project, at: datetime | None = None) -> int:
    """Score every customer of a project as of a time (now), and return the number of customers.

    New scores replace earlier ones.
    """
    end = at or period("today", project.timezone, datetime.now(UTC)).end
    question = Question.of(project, Period(end - timedelta(days=1), end))
    table = ask(store, "customers/purchases.sql", question).table
    version = now()
    if table.num_rows:
        scored = _columns(table)
        count = table.num_rows
        moment = pa.scalar(datetime.now(UTC), pa.timestamp("ms", "UTC"))
        columns: dict[str, Any] = {
            "project_id": pa.repeat(pa.scalar(question.project_id.bytes, pa.binary(16)), count),
            "identity": table["person"].combine_chunks().cast(pa.uint64()),
            **scored,
            "scored_at": pa.repeat(moment, count),
            "version": pa.repeat(pa.scalar(version, pa.uint64()), count),
        }
        store.put("customer_scores", pa.table(columns), f"scores-{project.id}-{version}")
    store.change(_sql("forget_older"), {"project": question.project_id, "version": version}, everywhere=True)
    return int(table.num_rows)


def _columns(table: pa.Table) -> dict[str, pa.Array]:
    history = History.of(table)
    forecasts = _foreseen(history, foresee(history, WEEKS))
    since_last = numbers(table, "age_days") - numbers(table, "recency_days")
    r, f, m = scores(-since_last), scores(numbers(table, "orders")), scores(history.paid)
    return {
        **{name: pa.array(np.nan_to_num(values, nan=_NONE), pa.float64()) for name, values in forecasts.items()},
        **{name: pa.array(values, pa.uint8()) for name, values in (("recency", r), ("frequency", f), ("monetary", m))},
        "rfm": pa.array(names(r, f), pa.string()),
    }


def _foreseen(of: History, forecast: Forecast) -> dict[str, Floats]:
    """Forecast for each customer: the probability of being active, orders and value, with 80 % intervals."""
    names = (
        "active", "expected_orders", "expected_low", "expected_high", "mean_value", "mean_low", "mean_high",
        "expected_value",
    )  # fmt: skip
    values: dict[str, Floats] = {name: np.full(len(of.repeats), _NONE) for name in names}
    if forecast.model is None:
        return values
    values |= {"active": forecast.active, "expected_orders": forecast.orders}
    # Customers with the same history have the same forecast, so each history is drawn only once.
    histories, which = np.unique(np.stack([of.repeats, of.recency, of.age]), axis=1, return_inverse=True)
    low, high = orders_between(forecast.model, WEEKS, histories[0], histories[1], histories[2], draws=_DRAWS)
    values |= {"expected_low": low[which], "expected_high": high[which]}
    if forecast.spending is not None:
        customers = of.repeats, forecast.mean
        least, most = value_between(forecast.spending, *customers)
        mean = expected_value(forecast.spending, *customers)
        values |= {"mean_value": mean, "mean_low": least, "mean_high": most, "expected_value": forecast.value}
    return values
