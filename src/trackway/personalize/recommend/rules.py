"""The rules of a surface: which candidates may be shown, in which order, and with which probability each stands
where.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from trackway.govern.surfaces import Condition, Surface
from trackway.personalize.recommend.candidates import Candidate
from trackway.personalize.recommend.catalogue import Catalogue, Listed, as_text, as_time

_POOL = 3
"""Candidates for each place of a list, among which diversity chooses."""


class Placed(NamedTuple):
    """A candidate in its place, and the probability with which it stands there."""

    candidate: Candidate
    propensity: float


def allowed(
    candidates: Iterable[Candidate], surface: Surface, catalogue: Catalogue, own: frozenset[str], now: datetime
) -> list[Candidate]:
    """Return the candidates that the register does not have as deleted and that meet the conditions of a surface.

    Args:
        own: user ids of the person, whose own entities are left out.
    """
    blocked = set(surface.blocked)
    return [
        one for one in candidates
        if one.entity_id not in blocked and _may(catalogue.of.get(one.entity_id), surface, own, now)
    ]  # fmt: skip


def _may(entity: Listed | None, surface: Surface, own: frozenset[str], now: datetime) -> bool:
    if entity is None:
        return not any(one.required for one in surface.where)
    if entity.deleted or (not surface.own and entity.owners & own):
        return False
    return all(meets(entity.values, one, now) for one in surface.where)


def meets(values: Mapping[str, tuple[Any, ...]], condition: Condition, now: datetime) -> bool:
    """Whether attributes meet a condition: one of the values of the attribute does."""
    stated = values.get(condition.attribute, ())
    return any(_meets(one, condition, now) for one in stated) if stated else not condition.required


def _meets(value: Any, condition: Condition, now: datetime) -> bool:
    if condition.values and as_text(value) not in condition.values:
        return False
    if condition.over is not None or condition.below is not None:
        try:
            number = float(value)
        except (TypeError, ValueError):
            return False
        if condition.over is not None and not number > condition.over:
            return False
        if condition.below is not None and not number < condition.below:
            return False
    if condition.upcoming:
        at = as_time(value)
        latest = timedelta(days=condition.within_days or 1_000_000)
        return at is not None and now <= at <= now + latest
    return True


def arranged(candidates: Sequence[Candidate], surface: Surface, catalogue: Catalogue, now: datetime) -> list[Candidate]:
    """Put candidates, the best first, into the order of a surface; at most `_POOL` times as many as it shows.

    New entities gain, then those like the ones before them lose (maximal marginal relevance: J. Carbonell, J.
    Goldstein, The use of MMR, SIGIR 1998). At most so many of one artist, say, are kept.
    """
    if surface.freshness:
        candidates = sorted(candidates, key=lambda one: -_freshened(one, surface, catalogue, now))
    pool = _limited(candidates, surface, catalogue)
    if not surface.diversity or len(pool) < 2:
        return pool
    relevance = {one.entity_id: 1 - place / len(pool) for place, one in enumerate(pool)}
    nearest = dict.fromkeys(relevance, 0.0)
    chosen: list[Candidate] = []
    while pool and len(chosen) < surface.limit:
        best = max(
            pool,
            key=lambda one: (
                (1 - surface.diversity) * relevance[one.entity_id] - surface.diversity * nearest[one.entity_id]
            ),
        )
        pool.remove(best)
        chosen.append(best)
        for one in pool:
            alike = catalogue.similarity(one.entity_id, best.entity_id)
            nearest[one.entity_id] = max(nearest[one.entity_id], alike)
    return chosen + pool


def _freshened(one: Candidate, surface: Surface, catalogue: Catalogue, now: datetime) -> float:
    entity = catalogue.of.get(one.entity_id)
    new = entity is not None and now - entity.added_at < timedelta(days=surface.freshness_days)
    return one.score + abs(one.score) * surface.freshness * new


def _limited(candidates: Iterable[Candidate], surface: Surface, catalogue: Catalogue) -> list[Candidate]:
    counted: dict[str, Counter[str]] = {rule.of: Counter() for rule in surface.at_most}
    kept: list[Candidate] = []
    for one in candidates:
        values = catalogue.of[one.entity_id].values if one.entity_id in catalogue.of else {}
        having = [(rule, as_text(value)) for rule in surface.at_most for value in values.get(rule.of, ())]
        if any(counted[rule.of][value] >= rule.n for rule, value in having):
            continue
        for rule, value in having:
            counted[rule.of][value] += 1
        kept.append(one)
        if len(kept) >= surface.limit * _POOL:
            break
    return kept


def placed(pinned: Sequence[Candidate], ranked: Sequence[Candidate], surface: Surface, seed: int) -> list[Placed]:
    """Return the list that is shown, with the propensity of each place.

    The share `explore` of lists has `ranked` in a random order; of those, each one stands in each place with the same
    probability. Pinned ones stand first, always.
    """
    size = max(0, surface.limit - len(pinned))
    first = [Placed(one, 1.0) for one in pinned[: surface.limit]]
    if not surface.explore or len(ranked) < 2:
        return first + [Placed(one, 1.0) for one in ranked[:size]]
    chance = random.Random(seed)  # noqa: S311 - not a secret; the same for the same call
    shuffled = chance.random() < surface.explore
    shown = chance.sample(ranked, len(ranked)) if shuffled else ranked
    each = surface.explore / len(ranked)
    return first + [
        Placed(one, round(each + (1 - surface.explore) * (one == usual), 9))
        for one, usual in zip(shown[:size], ranked[:size], strict=True)
    ]
