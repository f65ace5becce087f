"""The journey of a person: the stage they are in and what they want now, by the first rule of the metrics pack that
holds.

Every decision names its rule and the numbers that met it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from trackway.govern.personal_rules import Counted, Journey, Rule
from trackway.personalize.preferences import Action

Facts = dict[str, float | None]
"""The numbers that rules look at, by name; None where a number is unknown."""


class Met(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A condition of a rule, and the value that met it."""

    fact: str
    value: float
    over: float | None = None
    below: float | None = None


class Decided(msgspec.Struct):
    """The stage or intent of a person, with the conditions of its rule; without one, no earlier rule held."""

    name: str
    because: list[Met]


def decide(rules: Sequence[Rule], facts: Facts) -> Decided | None:
    """Return the first rule that holds; None if none does."""
    for rule in rules:
        values = [facts.get(when.fact) for when in rule.when]
        if all(when.holds(value) for when, value in zip(rule.when, values, strict=True)):
            met = [
                Met(fact=when.fact, value=value, over=when.over, below=when.below)
                for when, value in zip(rule.when, values, strict=True)
                if value is not None
            ]
            return Decided(rule.name, met)
    return None


def facts(
    journey: Journey,
    now: datetime,
    registered_at: datetime | None,
    activities: int,
    newest: Iterable[Action],
    traits: Mapping[str, Any],
) -> Facts:
    """Return the facts of a person.

    Args:
        registered_at: None for somebody who never registered.
        newest: the newest actions, the newest first; those beyond the pack's `newest` are not counted.
        traits: the newest value of each trait.
    """
    days = None if registered_at is None else (now - registered_at).total_seconds() / 86_400
    counted = dict.fromkeys(journey.counts, 0)
    left = journey.newest
    for action in newest:
        times = min(left, action.times)
        left -= times
        for name, what in journey.counts.items():
            counted[name] += times * _is(action, what)
    known = {"days": days, "completeness": completeness(journey, traits), "activities": float(activities)}
    return {**known, **{name: float(n) for name, n in counted.items()}}


def _is(action: Action, what: Counted) -> bool:
    return action.name in what.names and (not what.entity_types or action.entity_type in what.entity_types)


def completeness(journey: Journey, traits: Mapping[str, Any]) -> float | None:
    """Return how complete a profile is, 0 to 100: what a trait says, or the share of the profile's traits that are
    filled; None if the pack has neither.
    """
    for name in journey.completeness:
        value = traits.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100:
            return float(value)
    if not journey.profile:
        return None
    return 100 * sum(traits.get(name) not in (None, "", [], {}) for name in journey.profile) / len(journey.profile)
