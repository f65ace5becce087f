"""Models that say how much each entity fits a person, from the entities that the person interacted with.

A model is a table of numbers for entities; it holds nothing about single people, so that people whose interactions came
after the training, or who are new, are answered as well. All scores of a person come from their present history.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

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


class Ease(NamedTuple):
    """A table of how much an interaction with one entity says about each other one.

    Source: H. Steck, Embarrassingly Shallow Autoencoders for Sparse Data, The World Wide Web Conference 2019, equations
    8 to 10; rows are scaled by their length to the power of `damping`, so that busy people do not decide everything.
    """

    weights: Floats

    @classmethod
    def fit(cls, history: History, parameters: Parameters) -> Ease:
        """Solve for the weights. Needs memory for three squares of the number of entities."""
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


class Als(NamedTuple):
    """Factors of entities, such that those of a person's entities lie near the person's.

    Source: Y. Hu, Y. Koren, C. Volinsky, Collaborative Filtering for Implicit Feedback Datasets, IEEE International
    Conference on Data Mining 2008. The library `implicit` fits the factors; a person's follow from equation 4.
    """

    factors: Floats
    confidence: float
    regularization: float

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
        return cls(np.asarray(fitting.item_factors, np.float32), parameters["confidence"], parameters["regularization"])

    @property
    def arrays(self) -> dict[str, Floats]:
        settings = np.array([self.confidence, self.regularization], np.float32)
        return {"factors": self.factors, "settings": settings}

    def scores(self, history: History) -> Floats:
        """Solve for each person's factors, and multiply them by the entities'."""
        size = self.factors.shape[1]
        common = self.factors.T @ self.factors + self.regularization * np.eye(size, dtype=np.float32)
        people = np.empty((history.shape[0], size), np.float32)
        for row in range(history.shape[0]):
            own = self.factors[history.indices[history.indptr[row] : history.indptr[row + 1]]]
            people[row] = np.linalg.solve(
                common + (self.confidence - 1) * (own.T @ own), self.confidence * own.sum(axis=0)
            )
        return cast(Floats, people @ self.factors.T)


def _binary(history: History) -> History:
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
        confidence, regularization = (float(one) for one in arrays["settings"])
        return Als(arrays["factors"], confidence, regularization)
    return Ease(arrays["weights"]) if kind == "ease" else Popularity(arrays["shares"])
