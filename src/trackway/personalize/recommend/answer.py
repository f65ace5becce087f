"""The question `recommend`: the entities of a type that fit a person or an entity, with true reasons.

The model of the last training says what fits the person's present history; without a model, and for people without a
history, it is what most people interacted with. An entity that the register has as deleted is left out.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray
from scipy import sparse

from trackway.analyze.language.period import BadQuestion, page
from trackway.analyze.language.question import Answer, Question, ask
from trackway.govern.metric_packs import Pack
from trackway.personalize.person import Personalize, person_asked
from trackway.personalize.recommend.interactions import interactions, span
from trackway.personalize.recommend.shelf import Kept, Shelf
from trackway.store.connection import Store
from trackway.store.policy import Policy

_SPARE = 100
"""Candidates beyond the wanted number, because some are not available."""
_MOST_HISTORY = 500
"""A person's newest entities that a model looks at."""


class Recommend(msgspec.Struct, tag="recommend", tag_field="question", kw_only=True):
    """Entities of a type for one person, or like one entity.

    Name exactly one of `person` (from an answer), `user_id` and `entity_id`; an account of type user gets its own and
    names none of the first two. Entities that the person knows are left out unless `seen` is true.
    """

    entity_type: str
    person: str = ""
    user_id: str = ""
    entity_id: str = ""
    limit: int = 20
    seen: bool = False


class Reason(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The reason of a recommendation: `because` of an entity that the person interacted with, or that was asked about
    (its id and name), or it is `popular`. `people` is the number of people who interacted with the recommended one; it
    is absent if its counts are hidden.
    """

    kind: Literal["because", "popular"]
    people: int | UnsetType = UNSET
    entity_id: str = ""
    name: str = ""


class Recommended(msgspec.Struct, kw_only=True):
    """An entity, its score (comparable within one answer only) and the reason."""

    entity_type: str
    entity_id: str
    name: str
    score: float
    reason: Reason


class Recommendations(msgspec.Struct, kw_only=True):
    """Entities, the best first. `reasoning` says on what all of them are based; `model` is the kind of the model
    and `version` its version, empty if there was none.
    """

    items: list[Recommended]
    reasoning: Literal["history", "entity", "popularity"]
    model: str
    version: str


class _Ranked(NamedTuple):
    """An entity with its score, the number of its people, and the entity that speaks most for it (empty for none)."""

    entity_id: str
    score: float
    people: int
    because: str = ""


def recommend(
    store: Store, question: Question, asked: Recommend, pack: Pack, shelf: Shelf, now: datetime
) -> tuple[list[Answer], Recommendations | None]:
    """Return what fits a person or an entity; None when nobody has this id.

    Raises:
        BadQuestion: the body names nobody, or several, or no type.
    """
    page(asked.limit, most=1000)
    if store.policy is not None and store.policy.entities is not None:
        raise BadQuestion("question", "is about people; an account of entities does not see single people")
    if not asked.entity_type:
        raise BadQuestion("entity_type", "is required")
    now = min(now, question.period.end)
    known = _history(store, question, asked, pack, now)
    if known is None:
        return [], None
    answers, history = known
    # What is popular, and how entities are named, is the same for everybody, whatever the caller may see.
    whole = store.within(Policy(question.project_id))
    kept = shelf.of(question.project_id, asked.entity_type)
    ranked = _by_model(kept, history) if kept else []
    by_model = bool(ranked)
    if not ranked:
        answer, ranked = _by_people(whole, question, asked, pack, now)
        answers.append(answer)
    left_out = {asked.entity_id} | (set() if asked.seen else set(history))
    candidates = [one for one in ranked if one.entity_id not in left_out][: asked.limit + _SPARE]
    of_register, items = _available(whole, question, asked, candidates)
    based: Literal["entity", "history"] = "entity" if asked.entity_id else "history"
    return [*answers, of_register], Recommendations(
        items=items,
        reasoning=based if any(one.because for one in candidates) else "popularity",
        model=kept.card.trained.kind if kept and by_model else "popularity",
        version=kept.card.version if kept and by_model else "",
    )


def _history(
    store: Store, question: Question, asked: Recommend, pack: Pack, now: datetime
) -> tuple[list[Answer], list[str]] | None:
    """Return the entities from which to start, the newest first; None when nobody has this id."""
    own = store.policy.person if store.policy is not None else None
    if bool(asked.person) + bool(asked.user_id) + bool(asked.entity_id) != (own is None or bool(asked.entity_id)):
        raise BadQuestion("person", "name exactly one of person, user_id and entity_id")
    if asked.entity_id:
        return [], [asked.entity_id]
    person = person_asked(store, question, Personalize(person=asked.person, user_id=asked.user_id))
    if not person:
        return None
    ids = ask(store, "language/person_ids.sql", question, persons=[person])
    identities = sorted({person, *(row["identity"] for row in ids.rows())})
    answer = interactions(store, question, asked.entity_type, pack, now, identities)
    rows = sorted(answer.rows(), key=lambda row: (row["last_at"], row["entity_id"]), reverse=True)
    return [ids, answer], [row["entity_id"] for row in rows]


def _by_model(kept: Kept, history: list[str]) -> list[_Ranked]:
    """Return all entities of a model by their score; none if it knows nothing of the history."""
    columns = [kept.column[one] for one in history if one in kept.column][:_MOST_HISTORY]
    if not columns:
        return []
    row = (np.ones(len(columns), np.float32), (np.zeros(len(columns), int), columns))
    scores = kept.model.scores(sparse.csr_matrix(row, (1, len(kept.entities))))[0]
    order = np.argsort(-scores, kind="stable")[: len(columns) + 1000 + _SPARE]
    because = _because(kept, columns, order)
    return [
        _Ranked(kept.entities[at], float(scores[at]), int(kept.people[at]), because[n]) for n, at in enumerate(order)
    ]


def _because(kept: Kept, columns: list[int], order: NDArray[np.intp]) -> list[str]:
    """Return, for each recommended entity, the one of the history that alone gives it the highest score; empty if
    none speaks for it."""
    if kept.card.trained.kind == "popularity":
        return [""] * len(order)
    ones = (np.ones(len(columns), np.float32), (np.arange(len(columns)), columns))
    alone = kept.model.scores(sparse.csr_matrix(ones, (len(columns), len(kept.entities))))[:, order]
    best = alone.argmax(axis=0)
    speaks = np.take_along_axis(alone, best[np.newaxis], axis=0)[0] > 0
    return [kept.entities[columns[at]] if says else "" for at, says in zip(best, speaks, strict=True)]


def _by_people(
    store: Store, question: Question, asked: Recommend, pack: Pack, now: datetime
) -> tuple[Answer, list[_Ranked]]:
    answer = ask(
        store, "personalize/recommend/popular.sql", question, entity_type=asked.entity_type,
        names=list(pack.score.weights), most=1000 + _SPARE, **span(pack, now),
    )  # fmt: skip
    return answer, [_Ranked(row["entity_id"], row["people"], int(row["people"])) for row in answer.rows()]


def _available(
    store: Store, question: Question, asked: Recommend, candidates: list[_Ranked]
) -> tuple[Answer, list[Recommended]]:
    """Return the candidates that the register does not have as deleted, with their names."""
    ids = sorted({one for ranked in candidates for one in (ranked.entity_id, ranked.because) if one})
    answer = ask(store, "personalize/recommend/named.sql", question, entity_type=asked.entity_type, ids=ids)
    named = {row["entity_id"]: row for row in answer.rows()}
    deleted, hidden = ({id_ for id_, row in named.items() if row[flag]} for flag in ("deleted", "hidden"))
    name = {id_: row["name"] for id_, row in named.items() if not row["deleted"]}
    items = [
        Recommended(
            entity_type=asked.entity_type, entity_id=one.entity_id, name=name.get(one.entity_id, ""),
            score=round(one.score, 6),
            reason=Reason(
                kind="because" if one.because else "popular", people=UNSET if one.entity_id in hidden else one.people,
                entity_id=one.because, name=name.get(one.because, ""),
            ),
        )
        for one in candidates
        if one.entity_id not in deleted
    ]  # fmt: skip
    return answer, items[: asked.limit]
