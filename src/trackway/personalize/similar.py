"""People like one person: those who interacted with the same entities, by the cosine of their interactions.

A person is a vector: for each entity, the sum of the engagement scores of their interactions with it. The cosine of two
such vectors is 1 for the same interests in the same proportions, and 0 without a shared entity.

The work is bounded however many people and interactions there are: of a person's entities only those of highest weight
are looked at, of the people of each only a sample, and only the candidates who share most are compared (`Similar` of
the metrics pack has the numbers).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from trackway.analyze.language.question import Answer, Question, ask, moment
from trackway.govern.metric_packs import Pack
from trackway.govern.saved.preferences import StatedPreferences
from trackway.personalize.known import Ids, ids_of
from trackway.personalize.preferences import Action, Entity, is_interaction, score_of
from trackway.store.connection import Store

_PLACES = 6
_PARTS = 1_000_000
"""The parts of 1 in which weights are whole numbers."""


class SimilarPerson(msgspec.Struct, kw_only=True):
    """A person with the same interests: `similarity` is the cosine, over 0 and at most 1, and `shared` the number of
    entities that both interacted with. `user_id` is empty for somebody who never signed in.
    """

    person: str
    user_id: str
    similarity: float
    shared: int


def heaviest(actions: Iterable[Action], pack: Pack) -> list[tuple[Entity, float]]:
    """Return the entities of highest weight in a person's interactions, at most the pack's number of them."""
    weights: dict[Entity, list[float]] = defaultdict(list)
    for action in actions:
        if is_interaction(action, pack.score):
            weights[action.entity_type, action.entity_id].append(action.times * score_of(action, pack.score))
    summed = [(entity, round(math.fsum(parts), _PLACES)) for entity, parts in weights.items()]
    return sorted(summed, key=lambda pair: (-pair[1], pair[0]))[: pack.similar.entities]


def similar_people(
    store: Store,
    question: Question,
    person: int,
    actions: Iterable[Action],
    pack: Pack,
    saved: StatedPreferences,
    now: datetime,
    limit: int,
    for_display: bool,
) -> tuple[list[Answer], list[SimilarPerson], frozenset[str]]:
    """Return the people most similar to a person, at most `limit`, the most similar first, and all of their user ids.

    People who opted out are not among them, and interactions that somebody cleared do not count.

    Args:
        store: sees the actions of the whole project.
        actions: the person's actions of the pack's `days`.
        for_display: other people see the answer. It has people with a user id only, because nobody else can opt out,
            and it is empty unless at least the pack's `group` of them are found.
    """
    entities = heaviest(actions, pack)
    if not entities:
        return [], [], frozenset()
    since = moment(now - timedelta(days=pack.similar.days))
    found = ask(
        store, "personalize/similar_candidates.sql", question, {"entities": len(entities)}, self=person, since=since,
        most=pack.similar.people, candidates=pack.similar.candidates, **_numbered(entities),
    )  # fmt: skip
    answers = [found]
    candidates = [row["person"] for row in found.rows()]
    if not candidates:
        return answers, [], frozenset()
    of_ids, ids = ids_of(store, question, [person, *candidates])
    answers += of_ids
    known = {one: ids[one].user_ids for one in candidates}
    out = saved.opted_out(question.project_id, {user_id for user_ids in known.values() for user_id in user_ids})
    shown = [one for one in candidates if not known[one] & out and (known[one] or not for_display)]
    if len(shown) < (pack.similar.group if for_display else 1):
        return answers, [], frozenset()
    compared = [person, *shown]
    cleared = saved.cleared(question.project_id, {one: ids[one].user_ids for one in compared})
    vectors = ask(
        store, "personalize/similar.sql", question, self=person, since=since, end=moment(now),
        identities=sorted({identity for one in compared for identity in ids[one].identities}),
        cleared=list(cleared), cleared_at=[moment(at) for at in cleared.values()], **_scoring(pack),
    )  # fmt: skip
    answers.append(vectors)
    people = _by_cosine(vectors.rows(), person, ids)
    if for_display and len(people) < pack.similar.group:
        return answers, [], frozenset()
    shown_ids = frozenset(user_id for one in people[:limit] for user_id in ids[int(one.person)].user_ids)
    return answers, people[:limit], shown_ids


def _numbered(entities: list[tuple[Entity, float]]) -> dict[str, Any]:
    """Return the types, ids and weights of entities as values `t0`, `e0`, `w0`, …"""
    values: dict[str, Any] = {}
    for number, ((entity_type, entity_id), weight) in enumerate(entities):
        values |= {f"t{number}": entity_type, f"e{number}": entity_id, f"w{number}": round(weight * _PARTS)}
    return values


def _scoring(pack: Pack) -> dict[str, Any]:
    """Return the pack's `score` as values of a statement."""
    score = pack.score
    return {
        "base": score.base, "over_30": score.over_30, "over_60": score.over_60, "over_120": score.over_120,
        "names": list(score.weights), "weights": list(score.weights.values()),
    }  # fmt: skip


def _by_cosine(rows: list[dict[str, Any]], person: int, ids: Mapping[int, Ids]) -> list[SimilarPerson]:
    own = next((row["square"] for row in rows if row["person"] == person), 0.0)
    people = [
        SimilarPerson(
            person=str(row["person"]), user_id=min(ids[row["person"]].user_ids, default=""), shared=row["shared"],
            similarity=min(1.0, round(row["dot"] / math.sqrt(own * row["square"]), _PLACES)),
        )
        for row in rows
        if row["person"] != person
    ]  # fmt: skip
    return sorted(people, key=lambda one: (-one.similarity, int(one.person)))
