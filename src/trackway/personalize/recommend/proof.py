"""The quality of recommendations: hidden interactions of real people, and whether lists of ten contain them.

Each measure is a mean over the people who have something hidden, with its usual definition (C. Manning, P. Raghavan,
H. Schütze, Introduction to Information Retrieval, 2008, chapter 8): `hit_rate`, the share of people with a hidden
entity in their list; `ndcg`, with binary gains; `recall`, of at most ten; `map`, mean average precision. Besides,
`coverage` is the share of entities in any list, `novelty` the mean surprise of the listed ones in bits (minus the
logarithm of their popularity), and `diversity` one minus the mean cosine of the people of two entities in a list.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from trackway.personalize.recommend.cards import Measured
from trackway.personalize.recommend.models import Floats, History, Model

AT = 10
_ROWS = 500
"""People whose scores are in memory at once."""


def best(scores: Floats, history: History, most: int = AT) -> NDArray[np.intp]:
    """Return the entities of highest score for each person, the highest first, without those of their history; equal
    scores in the order of the entities. Places without an entity have -1.
    """
    open_scores = scores.astype(np.float64)
    open_scores[history.nonzero()] = -np.inf
    order = np.argsort(-open_scores, axis=1, kind="stable")[:, :most]
    return np.where(np.take_along_axis(open_scores, order, axis=1) > -np.inf, order, -1)


def measure(model: Model, history: History, hidden: History) -> tuple[Measured | None, NDArray[np.float64]]:
    """Measure the lists of a model against hidden interactions; None if nothing is hidden. Besides, the NDCG of each
    person with something hidden.

    Args:
        hidden: interactions of the same people with entities that their history does not have.
    """
    rows = np.flatnonzero(hidden.getnnz(axis=1))
    if not len(rows):
        return None, np.empty(0)
    lists = np.concatenate(
        [best(model.scores(history[part]), history[part]) for part in np.split(rows, range(_ROWS, len(rows), _ROWS))]
    )
    there = lists >= 0
    found = there & (
        np.asarray(hidden[np.repeat(rows, lists.shape[1]), np.maximum(lists, 0).ravel()]).reshape(lists.shape) > 0
    )
    wanted = np.minimum(AT, hidden.getnnz(axis=1)[rows])
    gains = 1 / np.log2(np.arange(2, lists.shape[1] + 2))
    ideal = np.cumsum(1 / np.log2(np.arange(2, AT + 2)))[wanted - 1]
    precisions = np.cumsum(found, axis=1) / np.arange(1, lists.shape[1] + 1)
    of_each = (found * gains).sum(axis=1) / ideal
    measured = Measured(
        people=len(rows),
        hit_rate=_mean(found.any(axis=1)),
        ndcg=_mean(of_each),
        recall=_mean(found.sum(axis=1) / wanted),
        map=_mean((precisions * found).sum(axis=1) / wanted),
        coverage=round(len(np.unique(lists[there])) / history.shape[1], 6),
        novelty=_mean(_surprise(history)[lists[there]]),
        diversity=_diversity(lists, history),
    )
    return measured, of_each


def is_better(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Whether values are higher than others of the same people by more than chance: the mean difference is over 1.96
    standard errors (the normal approximation of the paired t-test, at 95 %).
    """
    difference = one - other
    return len(difference) > 1 and bool(difference.mean() > 1.96 * difference.std(ddof=1) / np.sqrt(len(difference)))


def _mean(values: Any) -> float:
    return round(float(np.mean(values)), 6) if values.size else 0.0


def _surprise(history: History) -> NDArray[np.float64]:
    shares = (history.getnnz(axis=0) + 1) / (history.shape[0] + 1)
    surprise: NDArray[np.float64] = -np.log2(shares)
    return surprise


def _diversity(lists: NDArray[np.intp], history: History) -> float:
    """Return one minus the mean cosine of all pairs of entities in the lists of at most 1,000 people."""
    columns = sparse.csr_matrix((np.ones(history.nnz), history.indices, history.indptr), history.shape).T.tocsr()
    lengths = np.sqrt(np.maximum(1, columns.getnnz(axis=1)))
    cosines: list[float] = []
    for one in lists[:1000]:
        own = one[one >= 0]
        if len(own) > 1:
            scaled = sparse.diags(1 / lengths[own]) @ columns[own]
            together = (scaled @ scaled.T).toarray()
            cosines.append(float(together.sum() - np.trace(together)) / (len(own) * (len(own) - 1)))
    return round(1 - float(np.mean(cosines)), 6) if cosines else 1.0
