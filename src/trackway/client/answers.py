"""The answers about one person, as types for `Reader.personalize`: dictionaries as the server sends them."""

from __future__ import annotations

from typing import Literal, TypedDict

Source = Literal["explicit", "inferred", "ml_predicted"]
Priority = Literal["high", "medium", "low"]


class Evidence(TypedDict):
    """An interaction that speaks for a preference; `at` is its time in ISO 8601."""

    at: str
    name: str
    entity_type: str
    entity_id: str
    score: float


class Preference(TypedDict):
    """A value of a key that a person likes, with a confidence from 0 to 1; an explicit one with 0 is muted."""

    key: str
    value: str
    confidence: float
    source: Source
    score: float
    interactions: int
    updated_at: str
    evidence: list[Evidence]


class ContentType(TypedDict):
    """A type of entity, and the sum of the scores of the person's interactions with such entities."""

    type: str
    score: float


class Met(TypedDict, total=False):
    """A condition of a rule (`over` or `below`, or both), and the value that met it."""

    fact: str
    value: float
    over: float
    below: float


class Decided(TypedDict):
    """A stage or an intent, and the conditions of its rule."""

    name: str
    because: list[Met]


class ActiveHour(TypedDict):
    """An hour of the day and the number of actions in it."""

    hour: int
    actions: int


class Seen(TypedDict):
    """An action that happened, and on which entity, if any."""

    at: str
    name: str
    entity_type: str
    entity_id: str


class ActiveHours(TypedDict):
    """The most active hours of 7 days in the person's time zone; `week` has the actions by weekday and hour, `evidence`
    the newest actions of the first hour.
    """

    timezone: str
    hours: list[ActiveHour]
    notify_at: int | None
    evidence: list[Seen]
    week: list[list[int]]


class Suggested(TypedDict):
    """A suggestion in the language that was asked for; `n` is the number in its message, if it has one."""

    action: str
    message: str
    call_to_action: str
    priority: Priority
    n: int | None
    because: list[str]


class Similar(TypedDict, total=False):
    """Somebody who likes the same, with a similarity from 0 to 1."""

    person: str
    user_id: str
    similarity: float
    shared: int


class MovedBy(TypedDict):
    """An input that moved a prediction: what the person has, what is typical, and the difference that it makes."""

    input: str
    has: float | None
    typical: float | None
    effect: float


class Prediction(TypedDict):
    """A probability from 0 to 1 or an amount in the project's currency, with the version of the model that said so."""

    target: str
    value: float
    version: str
    at: str
    moved_by: list[MovedBy]


class Personal(TypedDict, total=False):
    """The parts of the knowledge about a person; those that were not asked for are absent."""

    person: str
    rules: int
    opted_out: bool
    preferences: list[Preference]
    content_types: list[ContentType]
    stage: Decided | None
    intent: Decided | None
    hours: ActiveHours
    suggestion: Suggested | None
    holdout: bool
    similar: list[Similar]
    predictions: list[Prediction]


class Reason(TypedDict, total=False):
    """The reason of a recommendation; see the question `recommend`."""

    kind: str
    people: int
    orders: int
    entity_id: str
    name: str
    key: str
    value: str
    place: str


class Recommended(TypedDict):
    """An entity that is recommended; report `position` and `propensity` when it was shown."""

    entity_type: str
    entity_id: str
    name: str
    score: float
    position: int
    propensity: float
    reason: Reason


class Recommendations(TypedDict):
    """Entities, the best first, and on what they are based."""

    items: list[Recommended]
    basis: str
    reasoning: str
    intent: str
    kind: str
    surface: str
    model: str
    version: str
    holdout: bool
