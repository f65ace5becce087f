"""Attribution: each model's shares counted by hand; an order is given away once, whole; what was spent beside it."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from conftest import Loaded
from factories import message
from factories import order as shop_order
from trackway.analyze.language.period import BadQuestion, Period
from trackway.analyze.language.question import Question
from trackway.analyze.traffic.attribution import Attribution, AttributionRow, attribution
from trackway.event import Message
from trackway.store.money import BadTable, costs_from, rates_from, write_costs, write_rates
from trackway.store.orders import own_currency

START = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
DAY = 86_400_000
AT = int(START.timestamp() * 1000)


def visit(who: str, day: float, source: str = "", **known: Any) -> Message:
    url = (
        f"https://shop.example/?utm_source={source}&utm_medium=cpc&utm_campaign=spring"
        if source
        else "https://shop.example/"
    )
    return message(at=AT + int(day * DAY), visitor=who, id=f"{who}-{day}-{source}", url=url, **known)


def order(who: str, day: float, amount: int, **known: Any) -> Message:
    return shop_order(f"{who}-{day}", amount, AT + int(day * DAY), context={"sessionId": False}, **known)


def ask(loaded: Loaded, project: UUID, days: int = 31, **asked: Any) -> dict[str, AttributionRow]:
    period = Period(START, START + datetime.timedelta(days=days))
    question = Question(project_id=project, period=period, timezone="UTC")
    _, found = attribution(loaded.store, question, Attribution(**{"by": ["source"], **asked}), "USD")
    return {getattr(row, (asked.get("by") or ["source"])[0]): row for row in found.rows}


@pytest.fixture
def path(loaded: Loaded, project: UUID) -> UUID:
    """Somebody comes by a, b, c and by nobody, signs in on another device, and orders for 100 on day 10."""
    own_currency(loaded.store, project, "USD")
    loaded.load(project, [
        visit("v1", 1, "a"), visit("v1", 3, "b", user="ann"), visit("v2", 8, "c", user="ann"),
        visit("v2", 9.5), order("ann", 10, 100, user="ann"), order("bob", 5, 40, user="bob"),
    ])  # fmt: skip
    return project


def credit(found: dict[str, AttributionRow], model: str) -> dict[str, float]:
    return {name: row.models[model].orders for name, row in found.items() if row.models[model].orders}


def test_each_model_gives_an_order_away_by_its_rule(loaded: Loaded, path: UUID) -> None:
    found = ask(loaded, path)
    nobody = {"": 1.0}
    assert credit(found, "first") == {"a": 1.0, **nobody}
    assert credit(found, "last") == {"(direct)": 1.0, **nobody}
    assert credit(found, "last_non_direct") == {"c": 1.0, **nobody}
    assert credit(found, "linear") == {"a": 0.25, "b": 0.25, "c": 0.25, "(direct)": 0.25, **nobody}
    assert credit(found, "position") == pytest.approx({"a": 0.4, "b": 0.1, "c": 0.1, "(direct)": 0.4, **nobody})
    weights = {"a": 2 ** (-9 / 7), "b": 2 ** (-7 / 7), "c": 2 ** (-2 / 7), "(direct)": 2 ** (-0.5 / 7)}
    decayed = {name: weight / sum(weights.values()) for name, weight in weights.items()}
    assert credit(found, "time_decay") == pytest.approx({**decayed, **nobody}, abs=1e-5)
    assert Decimal(found["a"].models["position"].value) == 40
    for model in found["a"].models:
        assert sum(credit(found, model).values()) == pytest.approx(2), "each order once, whole"
        assert sum(Decimal(row.models[model].value) for row in found.values()) == pytest.approx(140)
    assert ask(loaded, path, by=["channel"])["Unattributed"].models["last"].orders == 1


def test_visits_before_the_window_or_after_the_order_have_no_part(loaded: Loaded, path: UUID) -> None:
    loaded.load(path, [visit("v1", 11, "late", user="ann")])
    assert credit(ask(loaded, path, window_days=5), "first") == {"c": 1.0, "": 1.0}
    assert set(credit(ask(loaded, path, window_days=1), "first")) == {"(direct)", ""}
    assert "late" not in credit(ask(loaded, path), "last")
    assert ask(loaded, path)["late"].visits == 1


def test_two_visits_share_by_halves_and_one_takes_all(loaded: Loaded, project: UUID) -> None:
    own_currency(loaded.store, project, "USD")
    loaded.load(project, [visit("x", 1, "a", user="x"), visit("x", 2, "b", user="x"), order("x", 3, 10, user="x")])
    assert credit(ask(loaded, project), "position") == {"a": 0.5, "b": 0.5}
    assert credit(ask(loaded, project, window_days=2), "position") == {"b": 1.0}


def test_goals_are_given_away_like_orders(loaded: Loaded, project: UUID) -> None:
    own_currency(loaded.store, project, "USD")
    signed = message("Signed Up", AT + 2 * DAY, visitor="g", id="s")
    loaded.load(project, [visit("g", 1, "a"), signed])
    found = ask(loaded, project, goals=["Signed Up"])
    assert credit(found, "last") == {"a": 1.0} and not credit(ask(loaded, project), "last")


def test_costs_are_divided_by_visits_and_orders(loaded: Loaded, path: UUID) -> None:
    table = "Date,utm_source,medium,campaign,spend,clicks\n2026-03-02,a,cpc,spring,20.50,7\n2026-03-03,a,cpc,spring,4.50,2\n"
    write_costs(loaded.store, path, costs_from(table.splitlines(), "USD"))
    write_costs(loaded.store, path, costs_from(["day,source,cost", "2026-03-04,b,10", "2026-05-01,b,99"], "USD"))
    found = ask(loaded, path)
    a = found["a"]
    assert (Decimal(a.cost), a.clicks, a.visits) == (25, 9, 1)
    assert Decimal(a.cost_per_visit) == 25 and Decimal(a.models["first"].cost_per_order) == 25
    assert a.models["first"].return_ == pytest.approx(4.0)
    assert a.models["last"].cost_per_order is None and a.models["last"].return_ == 0
    assert Decimal(found["b"].cost) == 10, "not what was spent after the period"
    write_costs(loaded.store, path, costs_from(table.replace("20.50", "10.50").splitlines(), "USD"))
    assert Decimal(ask(loaded, path)["a"].cost) == 15, "written again it is replaced"
    assert Decimal(ask(loaded, path, by=["channel"])["Paid Other"].cost) == 15


@pytest.mark.parametrize(
    "text, said",
    [
        ("day,source,cost\nyesterday,a,1", "line 2: the day is 'yesterday'"),
        ("day,source,cost\n2026-01-01,a,-1", "line 2: cost is '-1'"),
        ("day,source,cost\n2026-01-01,a,many", "line 2: cost is 'many'"),
        ("day,source,cost,currency\n2026-01-01,a,1,euros", "line 2: the currency is 'euros'"),
        ("source,cost\na,1", "line 2: has source, cost"),
    ],
)
def test_a_wrong_line_of_costs_is_named(text: str, said: str) -> None:
    with pytest.raises(BadTable, match=said):
        costs_from(text.splitlines(), "USD")


def test_rates_are_read_as_the_european_central_bank_publishes_them() -> None:
    bank = "Date,USD,JPY,BGN\n2026-01-05,1.25,150,N/A\n2026-01-02,1.2,144,1.9558\n"
    found = {(one.currency, one.day.day): one.rate for one in rates_from(bank.splitlines(), "USD")}
    assert found["EUR", 5] == Decimal("1.25") and found["JPY", 2] == Decimal("1.2") / 144
    assert ("BGN", 5) not in found and ("BGN", 2) in found
    euro = {one.currency: one.rate for one in rates_from(bank.splitlines(), "EUR")}
    assert euro["USD"] == 1 / Decimal("1.2")
    with pytest.raises(BadTable, match="neither"):
        rates_from(bank.splitlines(), "TZS")


def test_a_rate_of_nothing_is_refused(loaded: Loaded, project: UUID) -> None:
    with pytest.raises(BadTable, match="more than 0"):
        write_rates(loaded.store, project, rates_from(["day,currency,rate", "2026-01-01,EUR,0"], "USD"))


def test_what_cannot_be_asked_is_refused_by_name(loaded: Loaded, path: UUID) -> None:
    for wrong in (
        {"by": []},
        {"by": ["source", "source"]},
        {"models": []},
        {"window_days": 0},
        {"half_life_days": 0.0},
    ):
        with pytest.raises(BadQuestion):
            ask(loaded, path, **wrong)
