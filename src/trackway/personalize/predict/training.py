"""Training: gradient boosting on examples of the past, calibrated, and measured on people of a later period.

A model that is not better than predicting the same of everybody is not used. This module imports scikit-learn, so only
the process that trains imports it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import PoissonRegressor
from sklearn.model_selection import GroupKFold, cross_val_predict

from trackway.personalize.predict.quality import Floats, Reliability, losses, measure
from trackway.personalize.predict.shelf import InputEffect

Inputs = NDArray[np.float32]
LEAST_PEOPLE, LEAST_OF_EACH = 200, 20
"""With fewer people to learn from or to measure on, or fewer of those who did it or did not, nothing is predicted."""
_ISOTONIC_FROM = 1000
"""Examples of the rarer kind from which the calibration is a free rising curve (isotonic) and not a sigmoid; below,
such a curve follows chance (A. Niculescu-Mizil, R. Caruana, ICML 2005)."""
EXPLAINED, TOLD = 8, 3
"""The most important inputs whose effect is computed for each person, and how many are told of each."""
_LEAST_KNOWN = 100
"""Examples in which an input must be known, to be of use."""
_ROWS = 50_000
_FOLDS = 3
_MEASURED_ROWS = 5_000


class Examples(NamedTuple):
    """People at times: their numbers, what was known of each then, what they did after, and the number of the time, the
    newest first.
    """

    people: NDArray[np.uint64]
    inputs: Inputs
    labels: Floats
    time: NDArray[np.int64]


def together(parts: Sequence[Examples]) -> Examples:
    """Return all examples of several times."""
    return Examples(
        np.concatenate([one.people for one in parts]), np.concatenate([one.inputs for one in parts]),
        np.concatenate([one.labels for one in parts]),
        _times(parts),
    )  # fmt: skip


def _times(parts: Sequence[Examples]) -> NDArray[np.int64]:
    """Number the times of several parts, one after the other; the newest part is the first."""
    numbers, first = [], 0
    for one in parts:
        numbers.append(one.time + first)
        first += int(one.time.max(initial=-1)) + 1
    return np.concatenate(numbers)


class Model(Protocol):
    """A fitted model."""

    def predict(self, inputs: Inputs) -> Floats:
        """Return the prediction for each row."""


class Learned(NamedTuple):
    """The result of a training: a model (None if nothing may be predicted), why, its quality in the later period, how
    much it depends on each input, and the number of examples.
    """

    model: Model | None
    reason: str
    measured: Reliability | None
    effects: list[InputEffect]
    examples: int


class Probabilities:
    """Boosted trees whose output is calibrated on people whom the trees did not see, at the newest time: what was usual
    months ago may not be today. The mean of several is better than one.
    """

    def __init__(self, examples: Examples) -> None:
        self._columns = _usable(examples)
        newest = examples.time == _newest(examples)
        folds = [(fitted, unseen[newest[unseen]]) for fitted, unseen in _folds(examples)]
        doing = min(int((examples.labels[unseen] > 0).sum()) for _, unseen in folds)
        rarer = min(doing, min(len(unseen) for _, unseen in folds) - doing)
        self._model = CalibratedClassifierCV(
            HistGradientBoostingClassifier(**_trees(len(examples.labels))),
            method="isotonic" if rarer >= _ISOTONIC_FROM else "sigmoid", cv=folds, ensemble=True,
        )  # fmt: skip
        self._model.fit(examples.inputs[:, self._columns], examples.labels > 0)

    def predict(self, inputs: Inputs) -> Floats:
        """Return the probability for each row."""
        return np.asarray(self._model.predict_proba(inputs[:, self._columns])[:, 1], np.float64)


class Amounts:
    """Boosted trees for the mean of amounts, of which most are 0, with a calibration of the same kind: the mean is a
    power of the trees' output, fitted on people whom the trees did not see.
    """

    def __init__(self, examples: Examples) -> None:
        self._columns = _usable(examples)
        inputs = examples.inputs[:, self._columns]
        # The size of the currency must not matter to the regularization of the trees.
        self._scale = max(float(examples.labels.mean()), 1e-9)
        labels = np.maximum(0, examples.labels) / self._scale
        self._trees = HistGradientBoostingRegressor(loss="poisson", **_trees(len(labels)))
        unseen = cross_val_predict(self._trees, inputs, labels, cv=_folds(examples))
        self._curve = PoissonRegressor(alpha=0, max_iter=1000).fit(self._logarithm(unseen), labels)
        self._trees.fit(inputs, labels)

    @staticmethod
    def _logarithm(values: Floats) -> Floats:
        return np.log(np.maximum(values, 1e-6))[:, np.newaxis]

    def predict(self, inputs: Inputs) -> Floats:
        """Return the expected amount for each row."""
        trees = self._trees.predict(inputs[:, self._columns])
        return np.asarray(self._curve.predict(self._logarithm(trees)) * self._scale, np.float64)


def _trees(examples: int) -> dict[str, Any]:
    """Return parameters of the trees: few and small ones, slowly learned, with leaves that are not chance."""
    return {
        "max_iter": 150, "learning_rate": 0.05, "max_leaf_nodes": 8, "min_samples_leaf": max(20, examples // 1000),
        "l2_regularization": 1.0, "max_bins": 128, "early_stopping": False, "random_state": 1,
    }  # fmt: skip


def _newest(examples: Examples) -> int:
    """Return the newest time of which there are examples enough to calibrate with; without one, the newest."""
    for time in np.unique(examples.time):
        doing = examples.labels[examples.time == time] > 0
        if min(doing.sum(), (~doing).sum()) >= LEAST_OF_EACH:
            return int(time)
    return 0


def _usable(examples: Examples) -> NDArray[np.intp]:
    return np.flatnonzero(np.isfinite(examples.inputs).sum(axis=0) >= _LEAST_KNOWN)


def _folds(examples: Examples) -> list[tuple[Any, Any]]:
    # A person's examples at several times are alike, so that all of them are on one side.
    return list(GroupKFold(_FOLDS).split(examples.inputs, groups=examples.people))


def learn(earlier: Examples, later: Examples, names: list[str], amounts: bool) -> Learned:
    """Measure a model of the earlier examples on the later ones; if it is better than the base rate by more than
    chance, return one of all examples.
    """
    count = len(earlier.labels) + len(later.labels)
    for examples, place in ((earlier, "to learn from"), (later, "to measure on")):
        doing = int((examples.labels > 0).sum())
        people = len(np.unique(examples.people))
        least = doing if amounts else min(doing, len(examples.labels) - doing)
        if people < LEAST_PEOPLE or least < LEAST_OF_EACH:
            needed = f"{LEAST_PEOPLE} people, and {LEAST_OF_EACH} who did it" + " and who did not" * (not amounts)
            return Learned(None, f"too little data {place}: {people} people, {doing} did it; {needed} are needed",
                           None, [], count)  # fmt: skip
    kind = Amounts if amounts else Probabilities
    model: Model = kind(earlier)
    measured = measure(model.predict(later.inputs), later.labels, float(earlier.labels.mean()), amounts)
    if measured.gain_low <= 0:
        reason = f"not better than the base rate by more than chance (loss {measured.loss}, {measured.loss_base})"
        return Learned(None, reason, measured, [], count)
    effects = _effects(model, later, names, amounts)
    both = together([later, earlier])
    reason = f"better than the base rate (loss {measured.loss}, {measured.loss_base})"
    return Learned(kind(both), reason, measured, effects, count)


def _effects(model: Model, examples: Examples, names: list[str], amounts: bool) -> list[InputEffect]:
    """Return the inputs whose shuffling makes predictions worse, the most important first (L. Breiman, Random Forests,
    Machine Learning 45, 2001).
    """
    rng = np.random.default_rng(1)
    rows = rng.permutation(len(examples.labels))[:_MEASURED_ROWS]
    inputs, labels = examples.inputs[rows], examples.labels[rows]
    loss = losses(model.predict(inputs), labels, amounts).mean()
    found = []
    for column, name in enumerate(names):
        shuffled = inputs.copy()
        shuffled[:, column] = rng.permutation(shuffled[:, column])
        worse = losses(model.predict(shuffled), labels, amounts).mean() - loss
        found.append(InputEffect(input=name, loss=round(float(worse), 6)))
    return sorted((one for one in found if one.loss > 0), key=lambda one: -one.loss)


class Scores(NamedTuple):
    """The predictions for people, and for each the inputs that moved theirs most: the columns, what the person has,
    what is typical (the median of all), and by how much the prediction is higher than with the typical value.
    """

    predicted: Floats
    columns: NDArray[np.intp]
    values: Floats
    typical: Floats
    effects: Floats


def score(model: Model, inputs: Inputs, names: list[str], effects: list[InputEffect]) -> Scores:
    """Predict for all people, and compute what moved each prediction."""
    columns = np.array([names.index(one.input) for one in effects[:EXPLAINED]], np.intp)
    with np.errstate(all="ignore"):
        typical = np.array([np.nanmedian(inputs[:, column]) if np.isfinite(inputs[:, column]).any() else np.nan
                            for column in columns])  # fmt: skip
    parts = [_scored(model, inputs[at : at + _ROWS], columns, typical) for at in range(0, len(inputs), _ROWS)]
    return Scores(*(np.concatenate(of) for of in zip(*parts, strict=True)))


def _scored(model: Model, inputs: Inputs, columns: NDArray[np.intp], typical: Floats) -> Scores:
    predicted = model.predict(inputs)
    differences = np.zeros((len(inputs), len(columns)))
    for place, column in enumerate(columns):
        other = inputs.copy()
        other[:, column] = typical[place]
        differences[:, place] = predicted - model.predict(other)
    best = np.argsort(-np.abs(differences), axis=1, kind="stable")[:, :TOLD]
    chosen = columns[best]
    return Scores(
        predicted, chosen, np.take_along_axis(inputs, chosen, axis=1).astype(np.float64), typical[best],
        np.take_along_axis(differences, best, axis=1),
    )  # fmt: skip
