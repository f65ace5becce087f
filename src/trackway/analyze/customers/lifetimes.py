"""Models of customer value: the number of future orders, the customers who place them, and their value.

Number of orders: the BG/NBD model of Fader, Hardie, Lee, "Counting Your Customers the Easy Way" (Marketing Science,
2005), with the closed forms of "Computing P(alive) using the BG/NBD model" (2008). Value: the Gamma-Gamma model of
Fader, Hardie, "The Gamma-Gamma model of monetary value" (2013). Probability of still being a customer: the Pareto/NBD
model of Schmittlein, Morrison, Colombo (1987), in the form of Fader, Hardie, "A note on deriving the Pareto/NBD model
and related expressions" (2005); under BG/NBD, everybody who ordered once would count as active
(docs/decisions/0014-still-customers.md). All are fitted by maximum likelihood with scipy, whose parts are loaded at
first use.

A customer is described by `repeats` (x in the papers): the number of orders after the first; `recency` (t_x): the time
from the first order to the last; and `age` (T): the time since the first order. All times are in one unit, such as
weeks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MOST_FITTED = 50_000
"""The number of customers that the spending model is fitted to; more would give the same result more slowly."""
MOST_HISTORIES = 5_000
"""The maximum number of different histories that the Pareto/NBD model is fitted to."""
_AT_ONCE = 1_000_000


class NotFitted(ValueError):
    """There are too few customers, or none with repeat orders, to fit a model; the text says which."""


class Orders(NamedTuple):
    """A BG/NBD model: the order rates of customers are Gamma(`r`, `alpha`); after each order a customer drops out with
    a probability that is Beta(`a`, `b`).
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float


class Spending(NamedTuple):
    """A Gamma-Gamma model: the values of a customer's orders are Gamma(`p`, v), and the v of customers are Gamma(`q`,
    `gamma`).
    """

    p: float
    q: float
    gamma: float
    log_likelihood: float


def fit_orders(repeats: Floats, recency: Floats, age: Floats, weights: Floats | None = None) -> Orders:
    """Fit the BG/NBD model with the highest likelihood of the customers' histories; `weights` is the number of
    customers with each history.

    Raises:
        NotFitted: nobody ordered again, or the likelihood has no maximum.
    """
    customers = np.ones_like(repeats) if weights is None else weights
    if not (repeats > 0).any():
        raise NotFitted("nobody has ordered a second time yet")

    def loss(logs: Floats) -> float:
        return -float(np.sum(customers * _orders_likelihood(np.exp(logs), repeats, recency, age)))

    logs_of_best = _least(loss, [(0.0, 0.0, 0.0, 0.0), (-1.0, 1.0, 0.0, 1.0), (0.0, 2.0, -1.0, 1.0)])
    r, alpha, a, b = (float(value) for value in np.exp(logs_of_best))
    return Orders(r, alpha, a, b, -loss(logs_of_best))


def _orders_likelihood(parameters: Floats, repeats: Floats, recency: Floats, age: Floats) -> Floats:
    """Return the log-likelihood of each customer (equation 6 of the paper)."""
    r, alpha, a, b = parameters
    gammaln, betaln = scipy.special.gammaln, scipy.special.betaln
    common = gammaln(r + repeats) - gammaln(r) + r * np.log(alpha) + betaln(a, b + repeats) - betaln(a, b)
    stays = -(r + repeats) * np.log(alpha + age)
    again = np.maximum(repeats, 1)
    left = np.log(a) - np.log(b + again - 1) - (r + repeats) * np.log(alpha + recency)
    likelihood: Floats = common + np.where(repeats > 0, np.logaddexp(stays, left), stays)
    return likelihood


def active(model: Orders, repeats: Floats, recency: Floats, age: Floats) -> Floats:
    """Return the probability under BG/NBD that each customer is still active, which `expected_orders` needs. It is 1
    for customers with one order; users are shown the result of `still_active` instead.
    """
    r, alpha, a, b, _ = model
    odds = a / (b + np.maximum(repeats, 1) - 1) * ((alpha + age) / (alpha + recency)) ** (r + repeats)
    return np.where(repeats > 0, 1 / (1 + odds), 1.0)


def expected_orders(model: Orders, t: float, repeats: Floats, recency: Floats, age: Floats) -> Floats:
    """Return the expected number of orders of each customer within `t` from now (equation 10 of the paper)."""
    r, alpha, a, b, _ = model
    # a = 1 is a removable singularity; values close to it are replaced by a value just beside it.
    a = a + 1e-9 if abs(a - 1) < 1e-9 else a
    series = scipy.special.hyp2f1(r + repeats, b + repeats, a + b + repeats - 1, t / (alpha + age + t))
    if_active = (a + b + repeats - 1) / (a - 1) * (1 - ((alpha + age) / (alpha + age + t)) ** (r + repeats) * series)
    expected: Floats = if_active * active(model, repeats, recency, age)
    return expected


def orders_between(
    model: Orders,
    t: float,
    repeats: Floats,
    recency: Floats,
    age: Floats,
    share: float = 0.8,
    seed: int = 1,
    draws: int = 2000,
) -> tuple[Floats, Floats]:
    """Return the interval of each customer's number of orders within `t` from now that has a probability of at least
    `share`.

    It is simulated from the posterior of each customer (`draws` futures, reproducible by `seed`): whether they are
    still active, their order rate, Gamma(r + x, alpha + T), and their probability of dropping out, Beta(a, b + x).
    """
    r, alpha, a, b, _ = model
    rng = np.random.default_rng(seed)
    stay, bounds = active(model, repeats, recency, age), []
    for start in range(0, len(repeats), step := max(1, _AT_ONCE // draws)):
        part = slice(start, start + step)
        size = (len(repeats[part]), draws)
        rate = rng.gamma((r + repeats[part])[:, None], (1 / (alpha + age[part]))[:, None], size)
        drop = rng.beta(a, (b + repeats[part])[:, None], size)
        # The smaller of the number of orders without dropping out, and the number of the order at which they drop out.
        # A model of customers who all came within days may expect more orders than numpy can draw.
        placed = np.minimum(rng.poisson(np.minimum(rate * t, 1e9)), rng.geometric(np.maximum(drop, 1e-12)))
        placed = np.where(rng.random(size) < stay[part, None], placed, 0)
        bounds.append(np.quantile(placed, [(1 - share) / 2, (1 + share) / 2], axis=1, method="inverted_cdf"))
    low, high = np.concatenate(bounds, axis=1).astype(np.float64) if bounds else (repeats, repeats)
    return low, high


class Lifetimes(NamedTuple):
    """A Pareto/NBD model: the order rates of customers are Gamma(`r`, `alpha`), and their rates of leaving are
    Gamma(`s`, `beta`).
    """

    r: float
    alpha: float
    s: float
    beta: float
    log_likelihood: float


def fit_lifetimes(repeats: Floats, recency: Floats, age: Floats, weights: Floats) -> Lifetimes:
    """Fit the Pareto/NBD model with the highest likelihood of the customers' histories; `weights` is the number of
    customers with each history. More than MOST_HISTORIES different histories are sampled.

    Raises:
        NotFitted: nobody ordered again, or the likelihood has no maximum.
    """
    if not (repeats > 0).any():
        raise NotFitted("nobody has ordered a second time yet")
    if len(weights) > MOST_HISTORIES:
        drawn = np.random.default_rng(1).multinomial(MOST_HISTORIES, weights / weights.sum())
        sample = np.flatnonzero(drawn)
        repeats, recency, age = repeats[sample], recency[sample], age[sample]
        weights = drawn[sample] * (weights.sum() / MOST_HISTORIES)

    def loss(logs: Floats) -> float:
        with np.errstate(all="ignore"):  # where the search goes too far, the likelihood is no number
            common, stays, left = _lifetimes_likelihood(np.exp(logs), repeats, recency, age)
        negative = -float(np.sum(weights * (common + np.logaddexp(stays, left))))
        return negative if np.isfinite(negative) else 1e300

    # A gradient from differences: the series are expensive, and a simplex would evaluate them ten times as often.
    best = scipy.optimize.minimize(loss, np.zeros(4), method="L-BFGS-B", bounds=[(-8.0, 8.0)] * 4)
    if not np.isfinite(best.fun) or best.fun >= 1e300:
        raise NotFitted("the customers' orders fit no model")
    r, alpha, s, beta = (float(value) for value in np.exp(best.x))
    return Lifetimes(r, alpha, s, beta, -float(best.fun))


def _lifetimes_likelihood(
    parameters: Floats, repeats: Floats, recency: Floats, age: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the parts of each customer's log-likelihood: a common factor, being still active, and having left."""
    r, alpha, s, beta = parameters
    most, apart = max(alpha, beta), abs(alpha - beta)
    second = s + 1 if alpha >= beta else r + repeats
    n = r + s + repeats

    def gone_after(t: Floats) -> Floats:
        log_integral: Floats = np.log(scipy.special.hyp2f1(n, second, n + 1, apart / (most + t))) - n * np.log(most + t)
        return log_integral

    early, late = gone_after(recency), gone_after(age)
    stays = -(r + repeats) * np.log(alpha + age) - s * np.log(beta + age)
    # A customer who ordered today cannot have left since: the difference is 0, and its logarithm is undefined.
    left = np.log(s / n) + early + np.log(np.maximum(-np.expm1(np.minimum(late - early, 0.0)), 1e-300))
    gammaln = scipy.special.gammaln
    common = gammaln(r + repeats) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    return common, stays, left


def still_active(model: Lifetimes, repeats: Floats, recency: Floats, age: Floats) -> Floats:
    """Return the probability that each customer is still active, also for customers with one order."""
    _, stays, left = _lifetimes_likelihood(np.array(model[:4]), repeats, recency, age)
    probability: Floats = 1 / (1 + np.exp(np.minimum(left - stays, 700.0)))
    return probability


def fit_spending(orders: Floats, mean: Floats, weights: Floats | None = None) -> Spending:
    """Fit the Gamma-Gamma model with the highest likelihood of the customers' mean order values; `orders` > 0 is the
    number of orders of each. More than MOST_FITTED customers are sampled.

    Raises:
        NotFitted: fewer than two customers have orders with a value.
    """
    customers = np.ones_like(orders) if weights is None else weights
    known = (orders > 0) & (mean > 0)
    if known.sum() < 2:
        raise NotFitted("fewer than two customers have repeat orders with a value")
    sample = np.flatnonzero(known)
    if len(sample) > MOST_FITTED:
        sample = np.random.default_rng(1).choice(sample, MOST_FITTED, replace=False)
    orders, mean, customers = orders[sample], mean[sample], customers[sample]

    def loss(logs: Floats) -> float:
        p, q, gamma = np.exp(logs)
        gammaln = scipy.special.gammaln
        likelihood = (
            gammaln(p * orders + q) - gammaln(p * orders) - gammaln(q) + q * np.log(gamma)
            + (p * orders - 1) * np.log(mean) + p * orders * np.log(orders)
            - (p * orders + q) * np.log(gamma + orders * mean)
        )  # fmt: skip
        return -float(np.sum(customers * likelihood))

    start = float(np.log(np.mean(mean)))
    logs_of_best = _least(loss, [(1.0, 1.0, start), (0.0, 0.5, start - 1), (2.0, 1.5, 2.5)])
    p, q, gamma = (float(value) for value in np.exp(logs_of_best))
    return Spending(p, q, gamma, -loss(logs_of_best))


def expected_value(model: Spending, orders: Floats, mean: Floats) -> Floats:
    """Return the expected mean value of each customer's future orders: a mean of the customer's own and everybody's,
    weighted by the number of orders.

    If the distribution has no mean (`q` ≤ 1), it is the customer's own mean.
    """
    p, q, gamma, _ = model
    if q <= 1:
        return np.where(orders > 0, mean, np.nan)
    expected: Floats = (gamma + orders * mean) * p / (p * orders + q - 1)
    return expected


def value_between(model: Spending, orders: Floats, mean: Floats, share: float = 0.8) -> tuple[Floats, Floats]:
    """Return the interval that contains each customer's mean order value with a probability of `share`. The mean is p /
    v, and the posterior of v is Gamma(p orders + q, gamma + orders mean).
    """
    p, q, scale, _ = model
    shape, rate = p * orders + q, scale + orders * mean
    most = p / (scipy.special.gammaincinv(shape, (1 - share) / 2) / rate)
    least = p / (scipy.special.gammaincinv(shape, (1 + share) / 2) / rate)
    return least, most


def _least(loss: Callable[[Floats], float], starts: list[tuple[float, ...]]) -> Floats:
    """Minimize a function from several starting points, by the simplex method, which needs no derivative."""
    best: tuple[float, Floats] | None = None
    for start in starts:
        options = {"maxiter": 2_000, "maxfev": 2_000, "xatol": 1e-7, "fatol": 1e-7}
        minimum = scipy.optimize.minimize(loss, np.array(start), method="Nelder-Mead", options=options)
        if np.isfinite(minimum.fun) and (best is None or minimum.fun < best[0]):
            best = float(minimum.fun), minimum.x
    if best is None or not np.all(np.isfinite(best[1])):
        raise NotFitted("the customers' orders fit no model")
    return best[1]
