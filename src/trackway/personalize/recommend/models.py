"""Models that say how much each entity fits a person, from the entities that the person interacted with.

A model is a table of numbers for entities; it holds nothing about single people, so that people whose interactions came
after the training, or who are new, are answered as well. All scores of a person come from their present history.
Answers need numpy only: scipy and implicit are imported where a model is fitted or measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
History: TypeAlias = Any
"""Weights of interactions, a `scipy.sparse.csr_matrix`: a row for each person, a column for each entity."""
Parameters = Mapping[str, float]


class Model(Protocol):
    """A model that is ready to answer. `arrays` are what a file keeps of it."""

    @property
    def arrays(self) -> dict[str, Floats]: ...

    def scores(self, history: History) -> Floats:
        """Return a score for each person and entity; only the order of a person's scores means something."""

    def of_one(self, columns: NDArray[np.intp]) -> Floats:
        """Return the scores for one person, from the columns of their entities."""

    def parts(self, columns: NDArray[np.intp], of: NDArray[np.intp]) -> Floats:
        """Return, for each entity of a person (rows) and each recommended one (`of`), what it adds to the score."""


class Popularity(NamedTuple):
    """The share of the people of an entity: the same for everybody."""

    shares: Floats

    @classmethod
    def fit(cls, history: History, _parameters: Parameters) -> Popularity:
        """Count the people of each entity."""
        people = history.getnnz(axis=0) / max(1, history.shape[0])
        return cls(people.astype(np.float32))

    @property
    def arrays(self) -> dict[str, Floats]:
        return {"shares": self.shares}

    def scores(self, history: History) -> Floats:
        """Return the shares, for each person."""
        return np.tile(self.shares, (history.shape[0], 1))

    def of_one(self, _columns: NDArray[np.intp]) -> Floats:
        """Return the shares."""
        return self.shares

    def parts(self, columns: NDArray[np.intp], of: NDArray[np.intp]) -> Floats:
        """Return zeros: what somebody did adds nothing."""
        return np.zeros((len(columns), len(of)), np.float32)


class Ease(NamedTuple):
    """A table of how much an interaction with one entity says about each other one.

    Source: H. Steck, Embarrassingly Shallow Autoencoders for Sparse Data, The World Wide Web Conference 2019, equations
    8 to 10; rows are scaled by their length to the power of `damping`, so that busy people do not decide everything.
    """

    weights: Floats

    @classmethod
    def fit(cls, history: History, parameters: Parameters) -> Ease:
        """Solve for the weights. Needs memory for three squares of the number of entities."""
        from scipy import sparse

        lengths = np.maximum(1, history.getnnz(axis=1)).astype(np.float64)
        scaled = sparse.diags(lengths ** -parameters["damping"]) @ _binary(history).astype(np.float64)
        gram = (scaled.T @ scaled).toarray()
        gram[np.diag_indices_from(gram)] += parameters["regularization"]
        inverse = np.linalg.inv(gram)
        weights = inverse / -np.diag(inverse)
        np.fill_diagonal(weights, 0)
        return cls(weights.astype(np.float32))

    @property
    def arrays(self) -> dict[str, Floats]:
        return {"weights": self.weights}

    def scores(self, history: History) -> Floats:
        """Add up what the entities of each person say about all."""
        return np.asarray(_binary(history) @ self.weights)

    def of_one(self, columns: NDArray[np.intp]) -> Floats:
        """Add up the rows of the entities."""
        return np.asarray(self.weights[columns].sum(axis=0))

    def parts(self, columns: NDArray[np.intp], of: NDArray[np.intp]) -> Floats:
        """Return the weights."""
        return np.asarray(self.weights[np.ix_(columns, of)])


class Als(NamedTuple):
    """Factors of entities, such that those of a person's entities lie near the person's.

    Source: Y. Hu, Y. Koren, C. Volinsky, Collaborative Filtering for Implicit Feedback Datasets, IEEE International
    Conference on Data Mining 2008. The library `implicit` fits the factors; a person's follow from equation 4.
    """

    factors: Floats
    common: Floats
    """The part of the equations that is the same for everybody."""
    confidence: float

    @classmethod
    def fit(cls, history: History, parameters: Parameters) -> Als:
        """Fit the factors. The same history and parameters give the same factors."""
        from implicit.cpu.als import AlternatingLeastSquares  # only training needs it
        from threadpoolctl import threadpool_limits

        size = int(min(parameters["factors"], *history.shape))
        with threadpool_limits(1, "blas"):
            fitting = AlternatingLeastSquares(
                factors=size, regularization=parameters["regularization"], alpha=parameters["confidence"],
                iterations=15, num_threads=1, use_cg=False, random_state=1,
            )  # fmt: skip
            fitting.fit(_binary(history), show_progress=False)
        factors = np.asarray(fitting.item_factors, np.float32)
        common = factors.T @ factors + np.float32(parameters["regularization"]) * np.eye(size, dtype=np.float32)
        return cls(factors, common, parameters["confidence"])

    @property
    def arrays(self) -> dict[str, Floats]:
        return {
            "factors": self.factors,
            "common": self.common,
            "confidence": np.array([self.confidence], np.float32),
        }

    def scores(self, history: History) -> Floats:
        """Solve for each person's factors, and multiply them by the entities'."""
        starts = history.indptr
        return np.array([
            self.of_one(history.indices[starts[row] : starts[row + 1]]) for row in range(history.shape[0])
        ], np.float32).reshape(history.shape)  # fmt: skip

    def of_one(self, columns: NDArray[np.intp]) -> Floats:
        """Solve for the person's factors, and multiply them by the entities'."""
        own = self.factors[columns]
        factors = self.confidence * np.linalg.solve(self._system(own), own.sum(axis=0))
        return np.asarray(self.factors @ factors.astype(np.float32))

    def parts(self, columns: NDArray[np.intp], of: NDArray[np.intp]) -> Floats:
        """Return the terms of the score's sum (section 5 of the source)."""
        own = self.factors[columns]
        return np.asarray(self.confidence * (np.linalg.solve(self._system(own), own.T).T @ self.factors[of].T))

    def _system(self, own: Floats) -> Floats:
        return np.asarray(self.common + (self.confidence - 1) * (own.T @ own))


def _binary(history: History) -> History:
    from scipy import sparse

    return sparse.csr_matrix((np.ones(history.nnz, np.float32), history.indices, history.indptr), history.shape)


MOST_OF_EASE = 5_000
"""The number of entities up to which `Ease` fits into memory: 600 MB while it is solved."""
SEARCHED: dict[str, tuple[type[Popularity] | type[Ease] | type[Als], list[dict[str, float]]]] = {
    "popularity": (Popularity, [{}]),
    "ease": (
        Ease,
        [{"regularization": r, "damping": d} for r, d in ((100.0, 0.25), (500.0, 0.0), (20.0, 0.5), (20.0, 0.25))],
    ),
    "als": (
        Als,
        [
            {"factors": f, "regularization": r, "confidence": 10.0}
            for f, r in ((64.0, 80.0), (32.0, 40.0), (16.0, 5.0), (64.0, 20.0), (128.0, 80.0), (16.0, 20.0))
        ],
    ),
}
"""The kinds of models, each with the parameters that a training tries, the likely ones first."""


def from_arrays(kind: str, arrays: Mapping[str, Any]) -> Model:
    """Return a model from what a file has of it."""
    if kind == "als":
        return Als(arrays["factors"], arrays["common"], float(arrays["confidence"][0]))
    return Ease(arrays["weights"]) if kind == "ease" else Popularity(arrays["shares"])
