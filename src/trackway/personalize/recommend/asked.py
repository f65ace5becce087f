"""The body of the question `recommend` and its answer."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from trackway.govern.surfaces import Kind
from trackway.personalize.recommend.candidates import Why

Basis = Literal["history", "visit", "entity", "popularity", "trending"]


class Recommend(msgspec.Struct, tag="recommend", tag_field="question", kw_only=True):
    """Entities of a type for one person (`for_you`; `now` by what they do in this visit), with one entity (`similar`,
    `also_viewed`, `bought_together`), or of most people lately (`trending`).

    The person is named by `person` (from an answer) or `user_id`; an account of type user gets its own and names
    nobody. `context` lists entities in place of a person's own, the newest first, for somebody who is not known.
    Entities that the person knows are left out unless `seen` is true. A `surface` of the metrics pack has the rules and
    says which `kind` and types it shows. `place` is a city, region or country of people, for what is popular and
    trending.
    """

    entity_type: str = ""
    kind: Kind | Literal[""] = ""
    surface: str = ""
    person: str = ""
    user_id: str = ""
    entity_id: str = ""
    context: Annotated[list[str], msgspec.Meta(max_length=100)] = []
    place: str = ""
    language: str = "en"
    limit: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    seen: bool = False


class Reason(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The reason of a recommendation.

    `because` of an entity that the person interacted with, or that was asked about; `like` such an entity, with the
    `key` and `value` that both have; `also_viewed` and `bought_together` with such an entity; `likes`, for what the
    person stated to like; `popular` or `trending`, in a `place` if one was named; `pinned` by the surface. `people` is
    the number of people that it comes from, `orders` that of orders; they are absent if the counts of the entity are
    hidden.
    """

    kind: Why | Literal["likes"]
    people: int | UnsetType = UNSET
    orders: int | UnsetType = UNSET
    entity_id: str = ""
    name: str = ""
    key: str = ""
    value: str = ""
    place: str = ""


class Recommended(msgspec.Struct, kw_only=True):
    """An entity, its score (comparable within one answer only) and the reason. `position` counts from 1, `propensity`
    is the probability with which the entity stands there: report both when it was shown.
    """

    entity_type: str
    entity_id: str
    name: str
    score: float
    position: int
    propensity: float
    reason: Reason


class Recommendations(msgspec.Struct, kw_only=True):
    """Entities, the best first. `basis` says on what the answer is based, `reasoning` the same as a text, `intent` what
    the person wants by the rules of the metrics pack (empty: nothing known). `model` is the kind of the model and
    `version` its version, empty if there was none. `holdout` says that the person gets what is popular, so that the
    effect of recommendations can be measured.
    """

    items: list[Recommended]
    basis: Basis
    reasoning: str
    intent: str
    kind: Kind
    surface: str
    model: str
    version: str
    holdout: bool
