"""The quality of predictions: what was predicted of people, beside what they did in the days after.

The measures have their usual definitions: the Brier score is the mean squared difference of a probability and what
happened (G. Brier, Verification of Forecasts Expressed in Terms of Probability, Monthly Weather Review 78, 1950), the
log loss the mean of minus the logarithm of the probability of what happened, the AUC the probability that one who did
it has a higher prediction than one who did not. Amounts are measured by the Poisson deviance, which is least for the
true mean whatever the distribution (T. Gneiting, Making and Evaluating Point Forecasts, Journal of the American
Statistical Association 106, 2011).
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_LEAST = 1e-6
"""Probabilities nearer to 0 or 1 than this count as this: what happened was never quite sure."""


class Decile(msgspec.Struct, frozen=True, kw_only=True):
    """A tenth of the people, by their prediction: the means of what was predicted and of what happened, with its
    interval of 95 %.
    """

    people: int
    predicted: float
    actual: float
    low: float
    high: float


class Reliability(msgspec.Struct, frozen=True, kw_only=True):
    """The quality of predictions for `people` in a later period, `doing` of whom did it (or spent anything).

    `base` is the mean of what happened, `expected` the mean when the model learned, which is what one would predict of
    everybody without a model; `loss` (log loss, or Poisson deviance for amounts) and `brier` are the model's, `…_base`
    those of predicting `expected` of everybody. `gain` is the mean difference of the losses, and `gain_low` the lower
    end of its interval of 95 %. Amounts have no `brier` and `auc`.
    """

    people: int
    doing: int
    base: float
    expected: float
    predicted: float
    loss: float
    loss_base: float
    gain: float
    gain_low: float
    brier: float | None = None
    brier_base: float | None = None
    auc: float | None = None
    deciles: list[Decile] = []


def losses(predicted: Floats, actual: Floats, amounts: bool) -> Floats:
    """Return the loss of each person."""
    if amounts:
        mean = np.maximum(predicted, _LEAST)
        logarithm = np.log(np.where(actual > 0, actual, 1.0) / mean)
        return np.asarray(2 * (np.where(actual > 0, actual * logarithm, 0) - actual + mean))
    probability = np.clip(predicted, _LEAST, 1 - _LEAST)
    return np.asarray(-np.log(np.where(actual > 0, probability, 1 - probability)))


def measure(predicted: Floats, actual: Floats, expected: float, amounts: bool) -> Reliability:
    """Compare predictions with what happened.

    Args:
        expected: what one would predict of everybody without a model.
    """
    constant = np.full(len(actual), expected)
    own, other = losses(predicted, actual, amounts), losses(constant, actual, amounts)
    gain = other - own
    error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else np.inf
    probabilities: dict[str, Any] = {} if amounts else {
        "brier": _round(np.mean((predicted - actual) ** 2)), "brier_base": _round(np.mean((constant - actual) ** 2)),
        "auc": _auc(predicted, actual),
    }  # fmt: skip
    return Reliability(
        people=len(actual), doing=int((actual > 0).sum()), base=_round(actual.mean()), expected=_round(expected),
        predicted=_round(predicted.mean()), loss=_round(own.mean()), loss_base=_round(other.mean()),
        gain=_round(gain.mean()), gain_low=_round(gain.mean() - 1.96 * error),
        deciles=_deciles(predicted, actual, amounts), **probabilities,
    )  # fmt: skip


def _deciles(predicted: Floats, actual: Floats, amounts: bool) -> list[Decile]:
    order = np.argsort(predicted, kind="stable")
    found = []
    for part in np.array_split(order, 10):
        if not len(part):
            continue
        did, n = actual[part].mean(), len(part)
        if amounts:
            reach = 1.96 * actual[part].std() / np.sqrt(n)
            low, high = max(0.0, did - reach), did + reach
        else:
            # Wilson's interval, which stays between 0 and 1 (E. Wilson, JASA 22, 1927).
            z = 1.96
            middle, reach = did + z**2 / (2 * n), z * np.sqrt(did * (1 - did) / n + z**2 / (4 * n**2))
            low, high = (middle - reach) / (1 + z**2 / n), (middle + reach) / (1 + z**2 / n)
        found.append(Decile(
            people=n, predicted=_round(predicted[part].mean()), actual=_round(did), low=_round(low), high=_round(high),
        ))  # fmt: skip
    return found


def _auc(predicted: Floats, actual: Floats) -> float | None:
    """Return the area under the curve from ranks; equal predictions count half. None if all did the same."""
    doing = actual > 0
    if doing.all() or not doing.any():
        return None
    _, which, counts = np.unique(predicted, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[which]
    n = doing.sum()
    return _round((ranks[doing].sum() - n * (n + 1) / 2) / (n * (len(actual) - n)))


def _round(value: Any) -> float:
    return round(float(value), 6)
