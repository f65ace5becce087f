"""Preferences: what a person likes, with the confidence that it is so and the interactions that say it.

An interaction counts with its engagement score (`Score` of the metrics pack), which halves after every half-life. The
values of a key (`genre`: `jazz`, `rock`) share the sum of all interactions with that key. The confidence in a value is
the lower bound of its share at 95 %, so that one click is no preference.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, Literal, NamedTuple

import msgspec

from trackway.govern.metric_packs import Score
from trackway.govern.personal_rules import Preferring
from trackway.govern.saved.preferences import LONGEST_KEY, LONGEST_VALUE

CONTENT_TYPE = "content_type"
_Z = 1.959963984540054
_MOST_VALUES = 20
_MOST_EVIDENCE = 3
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_OF_INTERACTIONS = (CONTENT_TYPE, "weekday", "hour")
_ALL_DIGITS = 1e15
"""From here on, not every whole number is a float."""
_PLACES = 6
"""Decimal places of scores and confidences."""

Entity = tuple[str, str]
Said = tuple[str, str]
"""A key and a value that an entity has: an attribute, or a parent by its type."""


class Action(NamedTuple):
    """Actions of one person at one moment: how many (`times`), on which entity, if any, and how long they lasted in
    all, in seconds.
    """

    at: datetime
    name: str
    entity_type: str
    entity_id: str
    times: int
    lasted_s: float


class Evidence(msgspec.Struct, kw_only=True):
    """An interaction that speaks for a preference, with its engagement score at that time."""

    at: datetime
    name: str
    entity_type: str
    entity_id: str
    score: float


_Weighed = tuple[float, Evidence, Action]
"""The weight of an action at present, the action as evidence, and the action."""


class Preference(msgspec.Struct, kw_only=True):
    """A value of a key that a person likes.

    `confidence` is from 0 to 1; for what a person stated it is 1, or 0 if they muted it. `score` is the sum of the
    engagement scores, which lose half of their weight with every half-life; `interactions` is their number.
    """

    key: str
    value: str
    confidence: float
    source: Literal["explicit", "inferred", "ml_predicted"]
    score: float
    interactions: int
    updated_at: datetime
    evidence: list[Evidence]


class ContentType(msgspec.Struct):
    """A type of entity, and the sum of the engagement scores of a person's interactions with such entities."""

    type: str
    score: float


def is_interaction(action: Action, score: Score) -> bool:
    """Whether an action is an interaction: it names an entity, with its type, and the pack weights it."""
    return action.entity_type != "" and action.entity_id != "" and action.name in score.weights


def score_of(action: Action, score: Score) -> float:
    """Return the engagement score of each of the actions of one moment."""
    return score.of(action.name, action.lasted_s / action.times)


def content_types(actions: Iterable[Action], score: Score) -> list[ContentType]:
    """Return the types of entities that a person interacted with, by the sum of the scores, the highest first."""
    scores: dict[str, list[float]] = defaultdict(list)
    for action in actions:
        if is_interaction(action, score):
            scores[action.entity_type].append(action.times * score_of(action, score))
    summed = {kind: round(math.fsum(parts), _PLACES) for kind, parts in scores.items()}
    return [ContentType(kind, summed[kind]) for kind in sorted(summed, key=lambda kind: (-summed[kind], kind))]


def lower_bound(share: float, n: float) -> float:
    """Return the lower bound of a share that was seen in `n` trials, at 95 %.

    Source: E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference, Journal of the American
    Statistical Association 22 (1927), the score interval without continuity correction. `n` need not be whole: trials
    here are interactions by their weight.
    """
    if n <= 0:
        return 0.0
    middle = share + _Z * _Z / (2 * n)
    spread = _Z * math.sqrt((share * (1 - share) + _Z * _Z / (4 * n)) / n)
    return max(0.0, (middle - spread) / (1 + _Z * _Z / n))


def said_of(entity_type: str, parents: Iterable[str], attributes: str, preferring: Preferring) -> frozenset[Said]:
    """Return the keys and values that an entity has: its type, its parents by their types, and its attributes. An
    attribute that is a list has each of its values; one that is a number with bands has its band.

    The keys that interactions have by themselves cannot be those of attributes or parents. A text that is longer than
    what people can state describes the entity, and is no value.
    """
    said = {(kind, id_) for kind, _, id_ in (parent.partition(":") for parent in parents)}
    for key, stated in (json.loads(attributes) if attributes else {}).items():
        for value in stated if isinstance(stated, list) else (stated,):
            said.add((key, _as_text(value, preferring.bands.get(key))))
    ours = {
        (key, value) for key, value in said
        if key not in _OF_INTERACTIONS and 0 < len(key) <= LONGEST_KEY and 0 < len(value) <= LONGEST_VALUE
    }  # fmt: skip
    return frozenset(ours | {(CONTENT_TYPE, entity_type)})


def _as_text(value: Any, bands: list[float] | None) -> str:
    """Return a value as text: with bands, that of its band; empty if it is neither text nor a number nor a bool."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _band(value, sorted(bands)) if bands else _digits(value)
    return value if isinstance(value, str) else ""


def _band(value: float, limits: list[float]) -> str:
    """Return the band of a number: `<20`, `20-50`, `>=200`."""
    above = [_digits(limit) for limit in limits if value < limit]
    below = [_digits(limit) for limit in limits if value >= limit]
    if not above:
        return f">={below[-1]}"
    return f"{below[-1]}-{above[0]}" if below else f"<{above[0]}"


def _digits(value: float) -> str:
    """Return a number as a person writes it: 3 for 3.0, and with all digits."""
    return str(int(value)) if abs(value) < _ALL_DIGITS and value == int(value) else str(value)


def inferred(
    actions: Iterable[Action],
    said: Mapping[Entity, frozenset[Said]],
    score: Score,
    preferring: Preferring,
    now: datetime,
    zone: tzinfo,
) -> list[Preference]:
    """Return what a person's interactions say that they like.

    Args:
        actions: the actions of the pack's `days`; those that are no interactions say nothing.
        said: the keys and values of each entity; one that is missing has its type only.
        zone: the person's time zone, for the keys `weekday` and `hour` of their interactions.
    """
    weighed = [_weighed(action, score, preferring, now) for action in actions if is_interaction(action, score)]
    weighed.sort(key=lambda one: (-one[0], one[2]))  # once, instead of in each value's list
    of_value: dict[Said, list[_Weighed]] = defaultdict(list)
    of_key: dict[str, list[float]] = defaultdict(list)
    for one in weighed:
        weight, _, action = one
        entity, local = (action.entity_type, action.entity_id), action.at.astimezone(zone)
        values = said.get(entity) or ((CONTENT_TYPE, entity[0]),)
        for value in values:
            of_value[value].append(one)
        of_value["weekday", _WEEKDAYS[local.weekday()]].append(one)
        of_value["hour", str(local.hour)].append(one)
        for key in {"weekday", "hour", *[key for key, _ in values]}:
            of_key[key].append(weight)
    wholes = {key: math.fsum(weights) for key, weights in of_key.items()}
    return [_preference(value, of_it, wholes[value[0]]) for value, of_it in of_value.items()]


def _weighed(action: Action, score: Score, preferring: Preferring, now: datetime) -> _Weighed:
    each, age_days = score_of(action, score), max(0.0, (now - action.at).total_seconds() / 86_400)
    seen = Evidence(
        at=action.at, name=action.name, entity_type=action.entity_type, entity_id=action.entity_id,
        score=round(each, _PLACES),
    )  # fmt: skip
    return action.times * each * 0.5 ** (age_days / preferring.half_life_days), seen, action


def _preference(said: Said, weighed: list[_Weighed], whole: float) -> Preference:
    """Return a preference from its interactions, the heaviest first."""
    total = math.fsum([weight for weight, _, _ in weighed])
    return Preference(
        key=said[0],
        value=said[1],
        confidence=round(lower_bound(min(1.0, total / whole) if whole else 0.0, whole), _PLACES),
        source="inferred",
        score=round(total, _PLACES),
        interactions=sum([action.times for _, _, action in weighed]),
        updated_at=max([action.at for _, _, action in weighed]),
        evidence=[seen for _, seen, _ in weighed[:_MOST_EVIDENCE]],
    )


def stated(explicit: Mapping[Said, tuple[bool, datetime]], found: Iterable[Preference]) -> list[Preference]:
    """Return preferences with those that a person stated, the most confident first.

    What they stated wins over what was inferred for the same key and value. Of the others, each key has at most 20.

    Args:
        explicit: for each key and value, whether the person likes it (False: they muted it), and since when.
    """
    known = {(preference.key, preference.value): preference for preference in found}
    for (key, value), (likes, since) in explicit.items():
        seen = known.get((key, value))
        known[key, value] = Preference(
            key=key, value=value, confidence=float(likes), source="explicit", score=seen.score if seen else 0.0,
            interactions=seen.interactions if seen else 0, updated_at=since.astimezone(UTC),
            evidence=seen.evidence if seen else [],
        )  # fmt: skip
    kept: dict[str, int] = defaultdict(int)
    ordered = []
    for preference in sorted(known.values(), key=lambda one: (-one.confidence, one.key, one.value)):
        kept[preference.key] += preference.source != "explicit"
        if preference.source == "explicit" or kept[preference.key] <= _MOST_VALUES:
            ordered.append(preference)
    return ordered
