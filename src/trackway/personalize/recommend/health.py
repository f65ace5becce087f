"""The question `models`: the models of recommendations, and how good they are beside popularity and the one before."""

from __future__ import annotations

from datetime import datetime

import msgspec

from trackway.analyze.language.question import Answer, Question
from trackway.personalize.recommend.cards import Card, Measured, Tried
from trackway.personalize.recommend.shelf import Shelf


class Models(msgspec.Struct, tag="models", tag_field="question", kw_only=True):
    """The versions of the models of a project; with `entity_type`, those for one type."""

    entity_type: str = ""


class ModelVersion(msgspec.Struct, kw_only=True):
    """A version of a model. `until` is the time of the newest interactions that it has, `reason` says why it was kept.

    `in_use` is the version that answers, unless it is not better than popularity on interactions that it had not seen
    (`served` is false): then people get what is popular. `quality` is that of the kept model for people whose earlier
    interactions are known, `cold` that for others; beside them are those of popularity, and of the parameters that were
    in use before (`last`, null for a first training or if they were popularity). `tried` has all that were compared.
    """

    entity_type: str
    version: str
    in_use: bool
    served: bool
    kind: str
    parameters: dict[str, float]
    reason: str
    until: datetime
    people: int
    entities: int
    interactions: int
    seconds: float
    quality: Measured | None
    cold: Measured | None
    popularity: Measured | None
    popularity_cold: Measured | None
    last: Measured | None
    tried: list[Tried]


def models(shelf: Shelf, question: Question, asked: Models) -> tuple[list[Answer], list[ModelVersion]]:
    """Return the versions that are kept, the newest of each type first."""
    return [], [
        _version(card, in_use)
        for card, in_use in shelf.cards()
        if card.project_id == str(question.project_id) and asked.entity_type in ("", card.entity_type)
    ]


def _version(card: Card, in_use: bool) -> ModelVersion:
    trained = card.trained
    kept = next(
        (one for one in trained.tried if (one.kind, one.parameters) == (trained.kind, trained.parameters)), None
    )
    popularity = next((one for one in trained.tried if one.kind == "popularity"), None)
    last = next((one for one in trained.tried if one.last), None)
    return ModelVersion(
        entity_type=card.entity_type, version=card.version, in_use=in_use, served=in_use and trained.better,
        kind=trained.kind, parameters=trained.parameters, reason=trained.reason, until=card.until,
        people=trained.people, entities=trained.entities, interactions=trained.interactions, seconds=trained.seconds,
        quality=kept.warm if kept else None, cold=kept.cold if kept else None,
        popularity=popularity.warm if popularity else None, popularity_cold=popularity.cold if popularity else None,
        last=last.warm if last else None, tried=trained.tried,
    )  # fmt: skip
