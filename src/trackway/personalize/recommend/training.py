"""Training: tries models on the earlier interactions, measures them on the later ones, and keeps the best one.

A model is kept only if its lists are better than those of popularity; otherwise popularity is what people get. The
parameters that were best are then fitted to all interactions.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

from trackway.personalize.recommend.cards import Trained, Tried
from trackway.personalize.recommend.models import MOST_OF_EASE, SEARCHED, History, Model
from trackway.personalize.recommend.proof import is_better, measure

HIDDEN_SHARE = 0.1
"""The share of interactions, the last ones, on which models are measured."""
_LEAST_PEOPLE = 20
"""With fewer people to measure on, differences are chance, and popularity is kept."""


class Feedback(NamedTuple):
    """All interactions: weights by person and entity, and the time of the first one of each pair in ms, in the order
    of `history.data`.
    """

    people: NDArray[np.uint64]
    entities: list[str]
    history: History
    first_at: NDArray[np.int64]


def feedback_of(table: pa.Table) -> Feedback:
    """Return the interactions of a table with person, entity_id, weight and first_at."""
    table = table.combine_chunks()
    people, rows = np.unique(table["person"].to_numpy(), return_inverse=True)
    encoded = pc.dictionary_encode(table["entity_id"]).combine_chunks()
    names = [str(name) for name in encoded.dictionary.to_pylist()]
    columns = encoded.indices.to_numpy()
    times = pc.cast(table["first_at"], pa.timestamp("ms", "UTC")).cast(pa.int64()).to_numpy()
    order = np.lexsort((columns, rows))
    history = sparse.csr_matrix(
        (table["weight"].to_numpy()[order].astype(np.float32), (rows[order], columns[order])), (len(people), len(names))
    )
    return Feedback(people.astype(np.uint64), names, history, times[order])


def split(feedback: Feedback) -> tuple[History, History]:
    """Return the earlier interactions and the hidden ones. All interactions of one time are on one side."""
    history, at = feedback.history, feedback.first_at
    cut = np.quantile(at, 1 - HIDDEN_SHARE, method="higher") if len(at) else 0
    hidden = at >= cut if len(at) and cut > at.min() else np.zeros(len(at), bool)
    return _only(history, ~hidden), _only(history, hidden)


def _only(history: History, kept: NDArray[np.bool_]) -> History:
    whole = history.tocoo()
    return sparse.csr_matrix((whole.data[kept], (whole.row[kept], whole.col[kept])), history.shape)


def train(
    feedback: Feedback,
    budget_s: float,
    progress: Callable[[str], None] = lambda _: None,
    last: Trained | None = None,
) -> tuple[Model, Trained]:
    """Find and fit the best model; return it, and what was tried.

    Args:
        last: the training of the model in use; its parameters are tried first, so that the two can be compared.
        budget_s: after so many seconds no further parameters are tried; those that were begun are finished.
    """
    started = time.monotonic()
    earlier, hidden = split(feedback)
    tried: list[Tried] = []
    gains: list[NDArray[np.float64]] = []
    for kind, parameters in _candidates(len(feedback.entities), last):
        if tried and time.monotonic() - started > budget_s:
            break
        progress(f"{kind} {parameters}")
        one, gained = _try(kind, parameters, earlier, hidden)
        one.last = last is not None and (kind, parameters) == (last.kind, last.parameters)
        tried.append(one)
        gains.append(gained)
    kept, reason = _best(tried, gains)
    model = SEARCHED[kept.kind][0].fit(feedback.history, kept.parameters)
    return model, Trained(
        kind=kept.kind, parameters=kept.parameters, reason=reason, people=len(feedback.people),
        entities=len(feedback.entities), interactions=feedback.history.nnz,
        seconds=round(time.monotonic() - started, 1), tried=tried,
        better=kept.kind != "popularity",
    )  # fmt: skip


def _candidates(entities: int, last: Trained | None) -> list[tuple[str, dict[str, float]]]:
    """Return kinds and parameters in the order in which they are tried: popularity, the ones in use, then the likely
    ones of each kind first.
    """
    kinds = [kind for kind in SEARCHED if entities >= 2 and (kind != "ease" or entities <= MOST_OF_EASE)]
    ranked = [(place, kind, one) for kind in kinds or ["popularity"] for place, one in enumerate(SEARCHED[kind][1])]
    found = [(kind, one) for _, kind, one in sorted(ranked, key=lambda entry: entry[0])]
    if last is not None and (used := (last.kind, last.parameters)) in found[1:]:
        found.remove(used)
        found.insert(1, used)
    return found


def _try(
    kind: str, parameters: dict[str, float], earlier: History, hidden: History
) -> tuple[Tried, NDArray[np.float64]]:
    started = time.monotonic()
    known = np.flatnonzero(earlier.getnnz(axis=1))
    unknown = np.flatnonzero(earlier.getnnz(axis=1) == 0)
    model = SEARCHED[kind][0].fit(earlier[known], parameters)
    warm, gained = measure(model, earlier[known], hidden[known])
    return Tried(
        kind=kind, parameters=parameters, seconds=round(time.monotonic() - started, 2),
        warm=warm, cold=measure(model, earlier[unknown], hidden[unknown])[0],
    ), gained  # fmt: skip


def _best(tried: list[Tried], gains: list[NDArray[np.float64]]) -> tuple[Tried, str]:
    popularity, others = tried[0], tried[1:]
    if popularity.warm is None or popularity.warm.people < _LEAST_PEOPLE:
        return popularity, f"fewer than {_LEAST_PEOPLE} people have later interactions to measure on"
    at = max(range(len(tried)), key=lambda place: gains[place].mean())
    if not is_better(gains[at], gains[0]):
        return popularity, f"none of {len(others)} models was better than popularity by more than chance"
    best = tried[at]
    assert best.warm is not None
    return best, f"the best of {len(tried)}: NDCG {best.warm.ndcg:.4f}, of popularity {popularity.warm.ndcg:.4f}"
