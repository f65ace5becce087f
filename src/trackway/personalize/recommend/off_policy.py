"""Estimates of what another order of recommendations would have led to, from exposures that were logged with their
propensities, so that it can be judged before anybody sees it.

An exposure is an entity in a place. Its weight is the probability with which the new order puts the entity there,
divided by that with which the logged one did (its propensity). Sources: D. G. Horvitz, D. J. Thompson, A Generalization
of Sampling Without Replacement From a Finite Universe, 1952 (`ips`); A. Swaminathan, T. Joachims, The Self-Normalized
Estimator for Counterfactual Learning, NIPS 2015 (`snips`); M. Dudík, J. Langford, L. Li, Doubly Robust Policy
Evaluation and Learning, ICML 2011 (`doubly_robust`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


class Estimate(NamedTuple):
    """A mean reward of an exposure, with its interval at 95 %."""

    value: float
    low: float
    high: float


class Logged(NamedTuple):
    """Exposures, a row each: the reward (1 for a click), the propensity, the probability under the new order, and the
    person. All exposures of a person hang together, so intervals are computed over people.
    """

    rewards: Values
    propensities: Values
    new: Values
    people: NDArray[np.int64]

    @property
    def weights(self) -> Values:
        """The weight of each exposure."""
        return np.asarray(self.new / self.propensities)


def check(logged: Logged) -> None:
    """Check that exposures can be weighted.

    Raises:
        ValueError: there are none; a propensity is not over 0 and at most 1; or a probability is not from 0 to 1.
    """
    if not len(logged.rewards):
        raise ValueError("there are no exposures")
    if not ((logged.propensities > 0) & (logged.propensities <= 1)).all():
        raise ValueError("a propensity is not over 0 and at most 1")
    if not ((logged.new >= 0) & (logged.new <= 1)).all():
        raise ValueError("a probability of the new order is not from 0 to 1")


def ips(logged: Logged) -> Estimate:
    """Estimate by inverse propensity: right on average, wide where weights are large."""
    check(logged)
    return _mean(logged.weights * logged.rewards, logged.people)


def snips(logged: Logged) -> Estimate:
    """Estimate by inverse propensity, divided by the mean weight: narrower, and right for many exposures. 0 where the
    new order shows nothing of what was logged.
    """
    check(logged)
    weights = logged.weights
    whole = float(weights.mean())
    if not whole:
        return Estimate(0.0, 0.0, 0.0)
    value = float((weights * logged.rewards).mean()) / whole
    error = _error(weights * (logged.rewards - value) / whole, logged.people)
    return Estimate(value, value - 1.96 * error, value + 1.96 * error)


def doubly_robust(logged: Logged, expected: Values, expected_new: Values) -> Estimate:
    """Estimate by a model of the reward, whose errors the logged exposures correct: right on average if either the
    propensities or the model are.

    Args:
        expected: the reward that the model expects of each exposure.
        expected_new: the reward that it expects in the same place under the new order.
    """
    check(logged)
    return _mean(expected_new + logged.weights * (logged.rewards - expected), logged.people)


def _mean(values: Values, people: NDArray[np.int64]) -> Estimate:
    value = float(values.mean())
    error = _error(values - value, people)
    return Estimate(value, value - 1.96 * error, value + 1.96 * error)


def _error(residuals: Values, people: NDArray[np.int64]) -> float:
    """Return the standard error of the mean of residuals that sum up to 0, by the sums of each person."""
    numbers = np.unique(people, return_inverse=True)[1]
    sums = np.bincount(numbers, weights=residuals)
    n = len(sums)
    return float(np.sqrt((sums**2).sum() * n / max(1, n - 1)) / len(residuals))
