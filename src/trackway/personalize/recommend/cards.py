"""The card of a model: what was tried at its training, and how good each model was."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The quality of a model's lists (`proof.py` has the definitions); `people` had something hidden."""

    people: int
    hit_rate: float
    ndcg: float
    recall: float
    map: float
    coverage: float
    novelty: float
    diversity: float


class Tried(msgspec.Struct, kw_only=True):
    """A model that was fitted to the earlier interactions: its parameters, seconds, and quality for people whose
    earlier interactions are known (`warm`) and for those without any (`cold`). `last` says that it has the parameters
    of the model that was in use before.
    """

    kind: str
    parameters: dict[str, float]
    seconds: float
    warm: Measured | None
    cold: Measured | None
    last: bool = False


class Trained(msgspec.Struct, kw_only=True):
    """The result of a training. `reason` says why this model was kept, `better` whether it was better than popularity;
    one that was not is not served.
    """

    kind: str
    parameters: dict[str, float]
    reason: str
    people: int
    entities: int
    interactions: int
    seconds: float
    tried: list[Tried]
    better: bool = False


class Card(msgspec.Struct, kw_only=True):
    """A version of a model: for what it was trained, when, and how well it did. `until` is the time of the newest
    interactions.
    """

    version: str
    project_id: str
    entity_type: str
    until: datetime
    trained: Trained
