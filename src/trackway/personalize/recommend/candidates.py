"""Candidates: entities that a model, the register or what others did speaks for, each with its score and reason.

Candidates of several sources are ranked together by reciprocal rank fusion (G. V. Cormack, C. Clarke, S. Büttcher,
Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods, SIGIR 2009): scores of different
sources cannot be compared, places in their lists can.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from trackway.personalize.recommend.catalogue import Catalogue, Token
from trackway.personalize.recommend.common import Row
from trackway.personalize.recommend.shelf import Kept

Why = Literal["because", "like", "also_viewed", "bought_together", "popular", "trending", "pinned"]
MOST = 600
"""Candidates of a source."""
_MOST_HISTORY = 500
"""A person's newest entities that a model looks at."""
_DAMPING = 60


class Candidate(NamedTuple):
    """An entity and its score; the reason: the entity that speaks most for it (`because`), or the value that both
    have (`shared`), and how many people, or orders, there are.
    """

    entity_id: str
    score: float
    why: Why
    people: int = 0
    orders: int = 0
    because: str = ""
    shared: Token = ("", "")


def by_model(kept: Kept, history: Sequence[str]) -> list[Candidate]:
    """Return the entities of a model by their score; none if it knows nothing of the history.

    The reason is the entity of the history that adds most to the score; where none adds anything, people.
    """
    columns = np.array([kept.column[one] for one in history if one in kept.column][:_MOST_HISTORY], int)
    if not len(columns):
        return []
    scores = kept.model.of_one(columns)
    most = min(len(scores), MOST + len(columns))
    some = np.argpartition(-scores, most - 1)[:most]
    order = some[np.lexsort((some, -scores[some]))]
    parts = kept.model.parts(columns, order)
    best = parts.argmax(axis=0)
    speaks = np.take_along_axis(parts, best[np.newaxis], axis=0)[0] > 0
    return [
        Candidate(
            kept.entities[at], float(scores[at]), "because" if says else "popular", int(kept.people[at]),
            because=kept.entities[columns[most_of]] if says else "",
        )
        for at, most_of, says in zip(order, best, speaks, strict=True)
    ]  # fmt: skip


def by_content(catalogue: Catalogue, history: Sequence[str], most: int = MOST) -> list[Candidate]:
    """Return the entities of the register that are most like one of the newest of the history."""
    return [
        Candidate(one.entity_id, one.similarity, "like", because=one.to, shared=one.shared)
        for one in catalogue.like(history[:10], most)
    ]


def by_people(rows: Iterable[Row], why: Why, because: str = "") -> list[Candidate]:
    """Return the entities of a common list."""
    return [Candidate(one.entity_id, one.score, why, one.people, one.orders, because) for one in rows]


def fused(*sources: tuple[float, Sequence[Candidate]]) -> list[Candidate]:
    """Rank candidates of sources with weights together; the source in which an entity gets most gives the reason. Only
    one source keeps its own scores.
    """
    filled = [(weight, source) for weight, source in sources if source]
    if len(filled) < 2:
        return list(filled[0][1]) if filled else []
    total: dict[str, float] = {}
    best: dict[str, tuple[float, Candidate]] = {}
    for weight, source in filled:
        for place, one in enumerate(source, 1):
            gained = weight / (_DAMPING + place)
            total[one.entity_id] = total.get(one.entity_id, 0.0) + gained
            if one.entity_id not in best or gained > best[one.entity_id][0]:
                best[one.entity_id] = gained, one
    ranked = [candidate._replace(score=total[id_]) for id_, (_, candidate) in best.items()]
    return sorted(ranked, key=lambda one: (-one.score, one.entity_id))
