"""The question `prediction_quality`, and the predictions about one person."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from trackway.analyze.language.period import page
from trackway.analyze.language.question import Answer, Question, ask
from trackway.personalize.predict.quality import Reliability
from trackway.personalize.predict.shelf import Card, InputEffect
from trackway.store.connection import Store


class PredictionQuality(msgspec.Struct, tag="prediction_quality", tag_field="question", kw_only=True):
    """The quality of the predictions about people: the newest `versions` of the model of each target, or of one
    `target`, such as `churn`.
    """

    target: str = ""
    versions: int = 1


class PredictionModel(msgspec.Struct, kw_only=True):
    """A trained model. `target` is the column of people that has its predictions: the propensity for `event`, churn or
    value, within `days`.

    Only a model that is `used` predicts anything; `reason` says why (not). `examples` is the number of people and
    times that it learned from or was measured on, `until` the time of its newest data, `people` the number of people
    with a prediction. `measured` is its quality for people of a period after all that it had learned from, with the
    reliability curve (`deciles`); absent with too little data. `inputs` are those on which it depends most.
    """

    target: str
    kind: str
    event: str
    days: int
    version: str
    used: bool
    reason: str
    until: datetime
    examples: int
    people: int
    measured: Reliability | None
    inputs: list[InputEffect]


class MovedBy(msgspec.Struct, kw_only=True):
    """An input that moved a prediction: what the person `has` (null if unknown), what is `typical` of all people, and
    by how much the prediction is higher than it would be with the typical value.
    """

    input: str
    has: float | None
    typical: float | None
    effect: float


class Prediction(msgspec.Struct, kw_only=True):
    """A prediction about a person: a probability from 0 to 1, or an amount in the project's currency; the version of
    the model, when it said so, and what moved it most.
    """

    target: str
    value: float
    version: str
    at: datetime
    moved_by: list[MovedBy]


def prediction_quality(
    store: Store, question: Question, asked: PredictionQuality
) -> tuple[list[Answer], list[PredictionModel]]:
    """Return the trained models, the newest of each target first. Raises BadQuestion: `versions` is out of range."""
    page(asked.versions, most=100)
    answer = ask(
        store, "personalize/predict/models.sql", question, {"one": bool(asked.target)}, target=asked.target,
        versions=asked.versions,
    )  # fmt: skip
    cards = [msgspec.json.decode(row["card"], type=Card) for row in answer.rows()]
    return [answer], [
        PredictionModel(
            target=card.target.name, kind=card.target.kind, event=card.target.event, days=card.target.days,
            version=card.version, used=card.used, reason=card.reason, until=card.until, examples=card.examples,
            people=card.people, measured=card.measured, inputs=card.inputs,
        )
        for card in cards
    ]  # fmt: skip


def predictions(
    store: Store, question: Question, persons: list[int]
) -> tuple[list[Answer], dict[int, list[Prediction]]]:
    """Return what is predicted of persons; nothing of those whom no model knows."""
    ids = ask(store, "language/person_ids.sql", question, persons=persons)
    identities = sorted({*persons, *(row["identity"] for row in ids.rows())})
    answer = ask(store, "personalize/predict/of_people.sql", question, identities=identities)
    found: dict[int, list[Prediction]] = {person: [] for person in persons}
    for row in answer.rows():
        moved = zip(row["moved_by"], row["has"], row["typical"], row["effect"], strict=True)
        found.setdefault(row["person"], []).append(Prediction(
            target=row["target"], value=row["prediction"], version=row["model"], at=row["scored_at"],
            moved_by=_moved(moved),
        ))  # fmt: skip
    return [ids, answer], found


def _moved(rows: Iterable[tuple[str, float, float, float]]) -> list[MovedBy]:
    return [
        MovedBy(input=name, has=_known(has), typical=_known(typical), effect=effect)
        for name, has, typical, effect in rows
        if effect
    ]


def _known(value: float) -> float | None:
    return value if value == value else None  # noqa: PLR0124 - NaN is what is not known
