"""Interactions with entities of a type, as the store has them: everybody's, for training, and those of one person."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from trackway.analyze.language.question import Answer, Question, ask, moment
from trackway.govern.metric_packs import Pack
from trackway.store.connection import Store

MOST = 20_000_000
"""Pairs of person and entity that one training takes."""


def scoring(pack: Pack) -> dict[str, Any]:
    """Return the pack's `score` as values of a statement."""
    score = pack.score
    return {
        "base": score.base, "over_30": score.over_30, "over_60": score.over_60, "over_120": score.over_120,
        "names": list(score.weights), "weights": list(score.weights.values()),
    }  # fmt: skip


def span(pack: Pack, now: datetime) -> dict[str, Any]:
    """Return the time of which interactions count, up to now."""
    return {"since": moment(now - timedelta(days=pack.recommend.days)), "end": moment(now)}


def types(store: Store, question: Question, pack: Pack, now: datetime) -> list[str]:
    """Return the types of entities that people interacted with, those with most people first."""
    names = list(pack.score.weights)
    answer = ask(store, "personalize/recommend/types.sql", question, names=names, **span(pack, now))
    return [str(row["entity_type"]) for row in answer.rows()]


def interactions(
    store: Store, question: Question, entity_type: str, pack: Pack, now: datetime, identities: list[int] | None = None
) -> Answer:
    """Return the interactions with entities of a type: a row for each person and entity. With `identities`, those of
    one person.
    """
    some: dict[str, Any] = {} if identities is None else {"identities": identities}
    return ask(
        store, "personalize/recommend/interactions.sql", question, {"some": bool(some)}, entity_type=entity_type,
        most=MOST, **scoring(pack), **span(pack, now), **some,
    )  # fmt: skip
