"""Orders and value to come: CDNOW against the published figures, and the closed forms against simulation."""

from __future__ import annotations

import csv
import datetime
import io

import numpy as np
import pytest

from conftest import SHARED, needs, unpacked
from trackway.analyze.customers.lifetimes import (
    MOST_FITTED,
    NotFitted,
    Orders,
    Spending,
    active,
    expected_orders,
    expected_value,
    fit_orders,
    fit_spending,
    orders_between,
    value_between,
)

CDNOW = SHARED / "cdnow"


def summary(name: str) -> dict[str, np.ndarray]:
    rows = list(csv.DictReader(io.StringIO(unpacked(CDNOW / f"{name}.csv.zst").decode())))
    return {column: np.array([float(row[column]) for row in rows]) for column in rows[0]}


@pytest.fixture(scope="module")
def customers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found = summary("cdnow_customers_summary")
    return found["frequency"], found["recency"], found["T"]


@needs("cdnow")
def test_orders_of_cdnow_are_as_published(customers: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """Fader, Hardie, Lee 2005, table 2."""
    model = fit_orders(*customers)
    assert model[:4] == pytest.approx((0.243, 4.414, 0.793, 2.426), rel=0.01)
    assert model.log_likelihood == pytest.approx(-9582.4, abs=0.1)


@needs("cdnow")
def test_spending_of_cdnow_is_as_published() -> None:
    """Fader, Hardie 2013, section 4."""
    found = summary("cdnow_customers_summary_with_transactions")
    model = fit_spending(found["x"], found["zbar"])
    assert model[:3] == pytest.approx((6.25, 3.74, 15.44), rel=0.01)


def test_spending_of_very_many_is_found_from_a_sample_of_them() -> None:
    rng = np.random.default_rng(7)
    p, q, gamma, many = 6.25, 3.74, 15.44, 4 * MOST_FITTED
    orders = rng.integers(0, 6, many).astype(np.float64)
    scale = rng.gamma(q, 1 / gamma, many)
    mean = np.where(orders > 0, rng.gamma(np.maximum(p * orders, 1.0), 1.0) / scale / np.maximum(orders, 1), 0.0)
    model = fit_spending(orders, mean)
    assert model[:3] == pytest.approx((p, q, gamma), rel=0.05)
    assert model == fit_spending(orders, mean), "the same sample, the same model"


@needs("cdnow")
def test_orders_of_the_39_weeks_after_are_about_those_that_were_placed(
    customers: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """The calibration ends on 30 September 1997; what follows was not looked at."""
    x, t_x, T = customers
    placed = np.zeros(len(x))
    ids: dict[str, int] = {}
    seen: set[tuple[str, str]] = set()
    for line in unpacked(CDNOW / "CDNOW_sample.txt.zst").decode().splitlines():
        _, customer, day, *_ = line.split()
        number = ids.setdefault(customer, len(ids))
        at = datetime.date(int(day[:4]), int(day[4:6]), int(day[6:]))
        if at > datetime.date(1997, 9, 30) and (customer, day) not in seen:
            placed[number] += 1
        seen.add((customer, day))
    assert len(ids) == len(x) == 2357
    expected = expected_orders(fit_orders(x, t_x, T), 39, x, t_x, T)
    assert expected.sum() == pytest.approx(placed.sum(), rel=0.15)
    for number in range(7):  # by how many repeat orders they had placed before, as in figure 4
        group = x == number
        assert expected[group].mean() == pytest.approx(placed[group].mean(), abs=max(0.1, 0.3 * placed[group].mean()))
    low, high = orders_between(fit_orders(x, t_x, T), 39, x[:600], t_x[:600], T[:600])
    within = np.mean((low <= placed[:600]) & (placed[:600] <= high))
    assert 0.75 <= within <= 1, "whole numbers of orders: an interval of 80 % holds at least about so many"


def test_expected_orders_are_the_mean_of_many_simulated_customers() -> None:
    """Customers are made as the model says; those with the same history go on, on average, as the closed form says."""
    model = Orders(0.8, 5.0, 1.3, 4.0, 0.0)
    rng = np.random.default_rng(3)
    count, T, t = 200_000, 30.0, 20.0
    rates, drops = rng.gamma(model.r, 1 / model.alpha, count), rng.beta(model.a, model.b, count)
    x, t_x, later, alive = np.zeros(count), np.zeros(count), np.zeros(count), np.ones(count, bool)
    at = np.zeros(count)
    going = np.ones(count, bool)
    while going.any():
        at = np.where(going, at + rng.exponential(1 / rates), at)
        before, after = going & (at <= T), going & (at > T) & (at <= T + t)
        x[before] += 1
        t_x[before] = at[before]
        later[after] += 1
        gone = (before | after) & (rng.random(count) < drops)
        alive &= ~(gone & (at <= T))
        going &= (at <= T + t) & ~gone
    for number in (0, 1, 3):
        group = x == number
        some = (x[group], t_x[group], np.full(group.sum(), T))
        assert expected_orders(model, t, *some).mean() == pytest.approx(later[group].mean(), rel=0.05)
        if number:
            assert active(model, *some).mean() == pytest.approx(alive[group].mean(), abs=0.01)
    fitted = fit_orders(x[:20_000], t_x[:20_000], np.full(20_000, T))
    assert fitted[:2] == pytest.approx(model[:2], rel=0.15)


def test_who_ordered_long_ago_is_less_likely_a_customer_still() -> None:
    model = Orders(0.243, 4.414, 0.793, 2.426, 0.0)
    x, T = np.full(3, 5.0), np.full(3, 38.0)
    stays = active(model, x, np.array([37.0, 20.0, 5.0]), T)
    assert stays[0] > 0.85 > stays[1] > stays[2]
    assert active(model, np.zeros(1), np.zeros(1), T[:1]) == 1


def test_value_to_come_is_between_ones_own_and_everybodys_and_its_interval_narrows() -> None:
    found = Spending(6.25, 3.74, 15.44, 0.0)
    few, many = np.array([1.0]), np.array([50.0])
    high = np.array([100.0])
    assert expected_value(found, few, high)[0] < expected_value(found, many, high)[0] < 100
    widths = [np.subtract(*value_between(found, n, high)[::-1])[0] for n in (few, many)]
    assert widths[0] > widths[1] > 0


def test_nothing_is_made_up_when_nobody_came_again() -> None:
    nothing = np.zeros(5)
    with pytest.raises(NotFitted, match="second time"):
        fit_orders(nothing, nothing, np.full(5, 10.0))
    with pytest.raises(NotFitted, match="fewer than two"):
        fit_spending(np.array([0.0, 1.0]), np.array([0.0, 5.0]))


def test_customers_who_all_came_just_now_have_an_interval_too() -> None:
    """Seen on a site's first week: orders per day that no random number generator draws."""
    young = Orders(r=1.0, alpha=1e-20, a=1.0, b=1.0, log_likelihood=0.0)
    low, high = orders_between(young, 30.0, np.array([3.0]), np.array([0.0]), np.array([0.0]))
    assert 0 <= low[0] <= high[0] <= 1e9
