"""Who is a customer still: a probability that means something for who ordered once, on CDNOW (39 weeks, and 39 after)."""

from __future__ import annotations

import datetime
from collections import defaultdict
from typing import NamedTuple

import numpy as np
import pytest

from conftest import SHARED, needs, unpacked
from trackway.analyze.customers.lifetimes import Floats, Lifetimes, fit_lifetimes
from trackway.analyze.customers.rfm_scores import names, scores
from trackway.analyze.customers.value import History, foresee

CUT = datetime.date(1997, 9, 30)


class Cdnow(NamedTuple):
    """Histories up to the cut, who bought after it, and the scores and standings of RFM."""

    history: History
    bought: Floats
    since: Floats
    recency: Floats
    standing: Floats
    model: Lifetimes
    active: Floats


@pytest.fixture(scope="module")
def cdnow() -> Cdnow:
    days: dict[str, set[datetime.date]] = defaultdict(set)
    for line in unpacked(SHARED / "cdnow" / "CDNOW_sample.txt.zst").decode().splitlines():
        _, customer, day, _, _ = line.split()
        days[customer].add(datetime.date(int(day[:4]), int(day[4:6]), int(day[6:])))
    rows = []
    for own in days.values():
        before = sorted(day for day in own if day <= CUT)
        first, last = before[0], before[-1]
        rows.append((len(before) - 1, (last - first).days / 7, (CUT - first).days / 7, any(day > CUT for day in own)))
    repeats, recency, age, bought = np.array(rows, dtype=np.float64).T
    history = History(repeats, recency, age, np.ones_like(age), np.ones_like(age))
    r = scores(recency - age)
    standing = np.array(names(r, scores(repeats + 1)))
    model = fit_lifetimes(repeats, recency, age, np.ones_like(age))
    return Cdnow(history, bought, age - recency, r, standing, model, foresee(history, 39).active)


@needs("cdnow")
def test_the_model_is_the_published_one(cdnow: Cdnow) -> None:
    """Fader, Hardie, "A note on deriving the Pareto/NBD model" and "Implementing the Pareto/NBD model in MATLAB"."""
    assert cdnow.model[:4] == pytest.approx((0.553, 10.578, 0.606, 11.669), rel=2e-3)
    assert cdnow.model.log_likelihood == pytest.approx(-9595.0, abs=0.1)


@needs("cdnow")
def test_who_ordered_once_is_the_less_likely_a_customer_the_longer_ago(cdnow: Cdnow) -> None:
    once = cdnow.history.repeats == 0
    assert 0.25 < cdnow.active[once].min() < cdnow.active[once].max() < 0.5
    newest_first = np.argsort(cdnow.since[once], kind="stable")
    assert (np.diff(cdnow.active[once][newest_first]) <= 1e-12).all()
    assert (cdnow.active > 0).all() and (cdnow.active <= 1).all()


@needs("cdnow")
def test_the_order_of_standings_by_probability_agrees_with_recency(cdnow: Cdnow) -> None:
    by_score = [cdnow.active[cdnow.recency == score].mean() for score in range(1, 6)]
    assert by_score == sorted(by_score)
    mean = {str(name): cdnow.active[cdnow.standing == name].mean() for name in np.unique(cdnow.standing)}
    assert mean["Champions"] == max(mean.values())
    assert mean["Hibernating"] < mean["About to sleep"] < mean["Promising"] < mean["Potential loyalists"]
    assert mean["Cannot lose them"] < mean["At risk"] < mean["Need attention"] < mean["Loyal"] < mean["Champions"]


@needs("cdnow")
def test_as_many_buy_in_the_weeks_held_out_as_the_probability_says(cdnow: Cdnow) -> None:
    """Who is one still orders at a rate Gamma(r + x, alpha + T) and leaves at one Gamma(s, beta + T)."""
    rng = np.random.default_rng(7)
    r, alpha, s, beta, _ = cdnow.model
    repeats, _, age = cdnow.history[:3]
    rate = rng.gamma((r + repeats)[:, None], 1 / (alpha + age)[:, None], (len(age), 500))
    leaving = rng.gamma(s, 1 / (beta + age)[:, None], (len(age), 500))
    both = rate + leaving
    expected = cdnow.active * (rate / both * -np.expm1(-both * 39)).mean(axis=1)
    # The model is known to expect too few of who ordered seldom (Fader, Hardie, Lee 2005, figure 4).
    assert expected.mean() == pytest.approx(cdnow.bought.mean(), abs=0.08)
    for name in np.unique(cdnow.standing):
        here = cdnow.standing == name
        if here.sum() >= 200:
            assert expected[here].mean() == pytest.approx(cdnow.bought[here].mean(), abs=0.08), name
    shares = [cdnow.bought[(cdnow.active >= low) & (cdnow.active < low + 0.25)].mean() for low in (0.25, 0.5, 0.75)]
    assert shares == sorted(shares)
