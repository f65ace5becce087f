"""Attribution: credits orders to the visits before them, by six models, and compares them with costs.

A visit is a session with at least one page view. The path to an order consists of the same person's visits within the
window before it, on all their devices. Each model distributes an order exactly once:

- `first`, `last`: to the first, to the last visit;
- `last_non_direct`: to the last visit with a source other than direct (to the last, if there is none);
- `linear`: to all visits equally;
- `position`: 40 % to the first, 40 % to the last, the rest to those between; half each if there are two;
- `time_decay`: by 2^(−days before the order / half-life).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal, get_args

import msgspec

from trackway.analyze.language.goals import goals_of
from trackway.analyze.language.period import BadQuestion
from trackway.analyze.language.question import Answer, Question, ask, compiler, people_filter
from trackway.store.connection import Store

Model = Literal["first", "last", "last_non_direct", "linear", "position", "time_decay"]
MODELS: tuple[Model, ...] = get_args(Model)
By = Literal["channel", "source", "medium", "campaign"]
_WEIGHTS = {
    "first": "toFloat64(i = 1)",
    "last": "toFloat64(i = n)",
    "last_non_direct": "toFloat64(i = if(named = 0, n, named))",
    "linear": "1 / n",
    "position": "multiIf(n = 1, 1., n = 2, 0.5, i = 1 OR i = n, 0.4, 0.2 / (n - 2))",
    "time_decay": "decayed[i] / together",
}
_PLACES = {"channel": 2, "source": 3, "medium": 4, "campaign": 5}


class Attribution(msgspec.Struct, tag="attribution", tag_field="question", kw_only=True):
    """Credits orders and bookings placed in the period to the visits of the `window_days` before them, by models and by
    the sources of the visits. With `goals`, events with these names are credited instead; several events of the same
    order count once.
    """

    by: list[By] = msgspec.field(default_factory=lambda: ["channel"])
    models: list[Model] = msgspec.field(default_factory=lambda: list(MODELS))
    goals: list[str] = []
    window_days: int = 30
    half_life_days: float = 7.0


class Credit(msgspec.Struct):
    """The orders that a model credits to a source (shares of orders add up), their value and the cost of each in the
    project's currency, and the `return`: value divided by cost.
    """

    orders: float
    value: str
    cost_per_order: str | None
    return_: float | None = msgspec.field(name="return")


class AttributionRow(msgspec.Struct, kw_only=True):
    """A source: the columns that were asked for, its visits in the period, its costs in the project's currency (with
    the number of costs that have no exchange rate), the `clicks` and `impressions` that were paid, and the credit by
    each model.
    """

    channel: str | msgspec.UnsetType = msgspec.UNSET
    source: str | msgspec.UnsetType = msgspec.UNSET
    medium: str | msgspec.UnsetType = msgspec.UNSET
    campaign: str | msgspec.UnsetType = msgspec.UNSET
    visits: int
    cost: str | None
    unconverted_costs: int
    clicks: int
    impressions: int
    cost_per_visit: str | None
    models: dict[str, Credit]


class AttributionAnswer(msgspec.Struct):
    """The sources, those with the most orders by the first model first. `unconverted` orders are in a currency without
    an exchange rate; their value is not included.
    """

    currency: str
    rows: list[AttributionRow]
    unconverted: int


def attribution(
    store: Store, question: Question, asked: Attribution, currency: str
) -> tuple[list[Answer], AttributionAnswer]:
    """Credit orders to sources. Orders without a visit in their window have the channel `Unattributed`.

    Raises:
        BadQuestion: columns or models are missing or repeated, or the window or half-life is out of range.
    """
    for field, names in (("by", asked.by), ("models", asked.models)):
        if not names or len(set(names)) != len(names):
            raise BadQuestion(field, "is a list of one or more, each once")
    if not 1 <= asked.window_days <= 400 or not 0.01 <= asked.half_life_days <= 400:
        raise BadQuestion("window_days", "window and half-life are from 1 to 400 days")
    columns: dict[str, Any] = {"columns": asked.by}
    conditions = compiler(store, question)
    shape = {
        **columns, **people_filter(question, conditions), "places": _PLACES, "models": asked.models,
        "weights": _WEIGHTS, "goals": asked.goals,
    }  # fmt: skip
    kinds, others = goals_of(asked.goals)
    credited = ask(
        store, "traffic/attribution.sql", question, shape, conditions, window=asked.window_days,
        half_life=asked.half_life_days, goals=others, kinds=kinds, currency=currency,
    )  # fmt: skip
    visits = ask(store, "traffic/attribution_visits.sql", question, columns)
    costs = ask(store, "traffic/attribution_costs.sql", question, columns)
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for answer in (credited, visits, costs):
        for row in answer.rows():
            key = tuple(row[name] for name in asked.by)
            rows.setdefault(key, {}).update(row)
    shown = [_row(row, asked) for row in rows.values()]
    first = asked.models[0]
    shown.sort(key=lambda row: (-row.models[first].orders, -row.visits, [getattr(row, name) for name in asked.by]))
    unconverted = 0 if asked.goals else _unconverted(store, question, currency)
    return [credited, visits, costs], AttributionAnswer(currency, shown, unconverted)


def _unconverted(store: Store, question: Question, currency: str) -> int:
    conditions = compiler(store, question)
    shape = people_filter(question, conditions)
    answer = ask(store, "traffic/attribution_unconverted.sql", question, shape, conditions, currency=currency)
    return int(answer.rows()[0]["orders"])


def _row(row: dict[str, Any], asked: Attribution) -> AttributionRow:
    visits, cost = row.get("visits", 0), row.get("cost")
    models: dict[str, Credit] = {}
    for model in asked.models:
        orders, value = row.get(f"{model}_orders", 0.0), row.get(f"{model}_value", 0.0)
        models[model] = Credit(
            orders=round(orders, 6),
            value=_money(value),
            cost_per_order=_money(float(cost) / orders) if cost and orders else None,
            return_=value / float(cost) if cost else None,
        )
    columns: dict[str, Any] = {name: row[name] for name in asked.by}
    return AttributionRow(
        **columns,
        visits=visits,
        cost=None if cost is None else str(cost),
        unconverted_costs=row.get("unconverted", 0),
        clicks=row.get("clicks", 0),
        impressions=row.get("impressions", 0),
        cost_per_visit=_money(float(cost) / visits) if cost and visits else None,
        models=models,
    )


def _money(value: float) -> str:
    """Round a divided amount: a share of an amount is not limited to cents, so four decimal places are shown."""
    return str(Decimal(value).quantize(Decimal("0.0001")))
