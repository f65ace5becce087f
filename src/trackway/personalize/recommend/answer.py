"""The question `recommend`: the entities of a type that fit a person, an entity or what somebody does right now, with
true reasons.

The model of the last training says what fits the person's present history; without a model that is better than
popularity, and for people without a history, it is what most people interacted with. The rules of a surface say what is
left out and in which order the rest is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import NamedTuple

import msgspec
import xxhash

from trackway.analyze.language.period import BadQuestion
from trackway.analyze.language.question import Answer, Question
from trackway.govern.metric_packs import Pack
from trackway.govern.saved.preferences import Stated, StatedPreferences
from trackway.govern.surfaces import Kind, Surface
from trackway.personalize.known import ids_of
from trackway.personalize.person import Personalize, decide_all, person_asked
from trackway.personalize.recommend.asked import Basis, Reason, Recommend, Recommendations, Recommended
from trackway.personalize.recommend.candidates import Candidate, by_content, by_model, by_people, fused
from trackway.personalize.recommend.catalogue import Catalogue
from trackway.personalize.recommend.common import Common, Rows
from trackway.personalize.recommend.interactions import interactions
from trackway.personalize.recommend.recommender import Recommender
from trackway.personalize.recommend.rules import Placed, allowed, arranged, placed
from trackway.personalize.recommend.wording import reasoning
from trackway.personalize.registered import Registered
from trackway.store.connection import Store
from trackway.store.policy import Policy

_OF_ENTITY: tuple[Kind, ...] = ("similar", "also_viewed", "bought_together")
_VISIT = timedelta(minutes=30)
_NEWEST = 3
"""Entities of the present visit from which others follow."""


class _Whom(NamedTuple):
    """The person asked about, if any: what they interacted with, the newest first, and since when they visit."""

    person: int | None
    user_ids: frozenset[str]
    stated: Stated | None
    history: list[str]
    seen: frozenset[str]
    visit: list[str]


class _Asked(NamedTuple):
    """A question of one type of entities, and what it is answered with."""

    store: Store
    question: Question
    pack: Pack
    recommender: Recommender
    now: datetime
    entity_type: str
    kind: Kind
    asked: Recommend
    whom: _Whom
    catalogue: Catalogue
    answers: list[Answer]

    def common(self, read: Callable[..., Rows], of: str | None = None) -> Rows:
        """Read a list that is the same for everybody."""
        rows = read(self.store, self.question, self.entity_type, self.pack, self.now, *([] if of is None else [of]))
        self.answers.append(rows.answer)
        return rows


def recommend(
    store: Store,
    question: Question,
    asked: Recommend,
    pack: Pack,
    recommender: Recommender,
    saved: StatedPreferences,
    now: datetime,
    intent_of: Callable[[int], str] | None = None,
) -> tuple[list[Answer], Recommendations]:
    """Return what fits a person, an entity or the moment.

    Args:
        intent_of: returns the intent of a person, from where it is kept; without it, it is decided from the store.

    Raises:
        BadQuestion: the body names several people, no type, or a kind without what it needs.
    """
    if store.policy is not None and store.policy.entities is not None:
        raise BadQuestion("question", "is about people; an account of entities does not see single people")
    own = store.policy is not None and store.policy.person is not None
    surface, kind = _surface(asked, pack, own)
    now = min(now, question.period.end)
    # What is popular, and how entities are named, is the same for everybody, whatever the caller may see.
    whole = store.within(Policy(question.project_id))
    answers: list[Answer] = []
    person = _person(store, question, asked, kind, own)
    held = bool(asked.surface) and person is not None and in_holdout(question, person, surface)
    lists: list[list[Recommended]] = []
    cards: list[tuple[str, str]] = []
    basis: Basis | None = None
    for entity_type in surface.entity_types:
        whom = _whom(whole, question, asked, entity_type, person, pack, saved, now, answers)
        of_register, catalogue = recommender.catalogues.of(whole, question, entity_type)
        answers += of_register
        one = _Asked(whole, question, pack, recommender, now, entity_type, kind, asked, whom, catalogue, answers)
        based, ranked, used = _ranked(one, held)
        basis, cards = basis or based, [*cards, used]
        lists.append([_item(one, place) for place in _shown(one, surface, ranked)])
    items = [item for row in zip_longest(*lists) for item in row if item is not None][: surface.limit]
    for position, item in enumerate(items, 1):
        item.position = position
    intent = _intent(whole, question, person, pack, saved, now, answers, intent_of)
    named = items[0].reason.name or asked.entity_id if items else asked.entity_id
    basis = basis or "popularity"
    model, version = next((card for card in cards if card[1]), ("popularity", ""))
    return answers, Recommendations(
        items=items, basis=basis, intent=intent, kind=kind, surface=asked.surface, model=model, version=version,
        reasoning=reasoning(basis, kind, asked.language, ", ".join(surface.entity_types), named, asked.place),
        holdout=held,
    )  # fmt: skip


def in_holdout(question: Question, person: int, surface: Surface) -> bool:
    """Whether a person belongs to those who get what is popular on a surface, always the same ones."""
    who = question.project_id.bytes + b" recommend " + surface.name.encode() + b" " + person.to_bytes(8, "big")
    return xxhash.xxh3_64_intdigest(who) < surface.holdout * 2.0**64


def _surface(asked: Recommend, pack: Pack, own: bool) -> tuple[Surface, Kind]:
    """Return the rules, those of a named surface or plain ones, and what is asked for."""
    surface = pack.recommend.surface(asked.surface)
    if surface is None and asked.surface:
        names = ", ".join(one.name for one in pack.recommend.surfaces) or "none"
        raise BadQuestion("surface", f"there is no surface {asked.surface!r}; the surfaces are {names}")
    if surface is None:
        if not asked.entity_type:
            raise BadQuestion("entity_type", "is required without a surface")
        named = bool(asked.person or asked.user_id or asked.context or (own and not asked.entity_id))
        if not asked.kind and named == bool(asked.entity_id):
            raise BadQuestion("person", "name exactly one of person, user_id, context and entity_id, or a kind")
        kind: Kind = asked.kind or ("similar" if asked.entity_id else "for_you")
        # Unlike surfaces, a plain question takes what is there.
        surface = Surface(name="plain", kind=kind, entity_types=[asked.entity_type], own=True)
    kind = asked.kind or surface.kind
    if asked.entity_type:
        surface = msgspec.structs.replace(surface, entity_types=[asked.entity_type])
    if kind in _OF_ENTITY and not asked.entity_id:
        raise BadQuestion("entity_id", f"is required for {kind}")
    if kind not in _OF_ENTITY and asked.entity_id:
        raise BadQuestion("entity_id", f"is not for {kind}; name a kind of an entity: {', '.join(_OF_ENTITY)}")
    if asked.seen:
        surface = msgspec.structs.replace(surface, repeats=True)
    return msgspec.structs.replace(surface, limit=asked.limit or surface.limit), kind


def _person(store: Store, question: Question, asked: Recommend, kind: Kind, own: bool) -> int | None:
    """Return the person asked about; None for nobody in particular, and for somebody of whom nothing is known."""
    if own and (asked.person or asked.user_id):
        raise BadQuestion("person", "exactly one person is yours; name nobody")
    if asked.person and asked.user_id:
        raise BadQuestion("person", "name exactly one of person and user_id")
    if own or asked.person or asked.user_id:
        return person_asked(store, question, Personalize(person=asked.person, user_id=asked.user_id))
    if kind in ("for_you", "now") and not asked.context:
        raise BadQuestion("person", f"name exactly one of person, user_id and context for {kind}")
    return None


def _whom(
    store: Store,
    question: Question,
    asked: Recommend,
    entity_type: str,
    person: int | None,
    pack: Pack,
    saved: StatedPreferences,
    now: datetime,
    answers: list[Answer],
) -> _Whom:
    if person is None:
        out = bool(asked.user_id) and bool(saved.opted_out(question.project_id, {asked.user_id}))
        known = [] if out else asked.context
        return _Whom(None, frozenset({asked.user_id} - {""}), None, known, frozenset(asked.context), known[:_NEWEST])
    of_ids, ids = ids_of(store, question, [person])
    user_ids = frozenset(ids[person].user_ids | {asked.user_id} - {""})
    stated = saved.of(question.project_id, user_ids)
    if stated.opted_out:
        return _Whom(None, user_ids, None, [], frozenset(), [])
    answer = interactions(store, question, entity_type, pack, now, sorted(ids[person].identities))
    answers += [*of_ids, answer]
    rows = sorted(answer.rows(), key=lambda row: (row["last_at"], row["entity_id"]), reverse=True)
    counting = [row for row in rows if stated.cleared_at is None or row["last_at"] > stated.cleared_at]
    history = [row["entity_id"] for row in counting]
    return _Whom(
        person, user_ids, stated,
        history=[*asked.context, *(one for one in history if one not in asked.context)],
        seen=frozenset(row["entity_id"] for row in rows) | frozenset(asked.context),
        visit=[*asked.context, *(row["entity_id"] for row in counting if row["last_at"] > now - _VISIT)][:_NEWEST],
    )  # fmt: skip


def _ranked(one: _Asked, held: bool) -> tuple[Basis, list[Candidate], tuple[str, str]]:
    """Return the candidates of a kind, the best first, on what they are based, and the model and version used."""
    common, asked, nothing = one.recommender.common, one.asked, ("popularity", "")
    kept = None if held else one.recommender.shelf.of(one.question.project_id, one.entity_type)
    kept = kept if kept is not None and kept.card.trained.kind != "popularity" else None
    used = (kept.card.trained.kind, kept.card.version) if kept else nothing
    found: list[Candidate] = []
    basis: Basis = "entity" if one.kind in _OF_ENTITY else "history"
    if one.kind == "also_viewed":
        found, used = _visited(one, common, [asked.entity_id]), nothing
    elif one.kind == "bought_together":
        rows = one.common(common.bought_together, asked.entity_id).rows
        found, used = by_people(rows, "bought_together", asked.entity_id), nothing
    elif one.kind == "now" and not held:
        found, basis, used = _visited(one, common, one.whom.visit), "visit", nothing
    elif one.kind in ("for_you", "similar") and not held:
        history = [asked.entity_id] if one.kind == "similar" else one.whom.history
        visit = [] if one.kind == "similar" else one.whom.visit
        by_taste = by_model(kept, history) if kept else []
        known = {candidate.entity_id for candidate in by_taste}
        alike = by_content(one.catalogue, history)
        if by_taste and one.kind == "for_you":  # the model cannot know new ones; of those it knows, it says more
            alike = [candidate for candidate in alike if candidate.entity_id not in known][:100]
        found = fused((1.0, by_taste), (0.5, alike), (0.5, _visited(one, common, visit)))
        used = used if by_taste else nothing
    if found or one.kind in ("also_viewed", "bought_together"):
        return basis, found, used
    if one.kind == "trending" and not held:
        return "trending", by_people(one.common(common.trending, asked.place).rows, "trending"), nothing
    return "popularity", _popular(one), nothing


def _visited(one: _Asked, common: Common, entities: list[str]) -> list[Candidate]:
    """Return what people did in the same visits as some entities, the newest entity with most weight."""
    lists = [
        (1 / place, by_people(one.common(common.also_viewed, entity).rows, "also_viewed", entity))
        for place, entity in enumerate(entities, 1)
    ]
    return fused(*lists)


def _popular(one: _Asked) -> list[Candidate]:
    """Return what is popular: where the person is, if that is known, and what they stated to like before all else."""
    common = one.recommender.common
    if one.asked.place:
        local = by_people(one.common(common.trending, one.asked.place).rows, "trending")
        if local:
            return _liked_first(one, local)
    return _liked_first(one, by_people(one.common(common.popular).rows, "popular"))


def _liked_first(one: _Asked, candidates: list[Candidate]) -> list[Candidate]:
    said = one.whom.stated.preferences if one.whom.stated else {}
    liked = {token for token, (likes, _) in said.items() if likes}
    if not liked:
        return candidates
    both = {
        c.entity_id: min(one.catalogue.tokens.get(c.entity_id, frozenset()) & liked, default=None) for c in candidates
    }
    ranked = sorted(candidates, key=lambda c: both[c.entity_id] is None)
    return [c._replace(shared=token) if (token := both[c.entity_id]) else c for c in ranked]


def _shown(one: _Asked, surface: Surface, ranked: list[Candidate]) -> list[Placed]:
    """Apply the rules of a surface; where too few are left, what is popular follows."""
    muted = {
        token for token, (likes, _) in (one.whom.stated.preferences if one.whom.stated else {}).items() if not likes
    }
    out = {one.asked.entity_id, *surface.pinned, *(() if surface.repeats else one.whom.seen)}

    def may(candidates: list[Candidate]) -> list[Candidate]:
        some = [
            c for c in candidates
            if c.entity_id not in out and not (muted and muted & one.catalogue.tokens.get(c.entity_id, frozenset()))
        ]  # fmt: skip
        return allowed(some, surface, one.catalogue, one.whom.user_ids, one.now)

    left = may(ranked)
    if len(left) < surface.limit and one.kind in ("for_you", "now", "trending"):
        there = {c.entity_id for c in left}
        least = min((c.score for c in left), default=1.0)
        more = [c for c in may(_popular(one)) if c.entity_id not in there]
        left += [c._replace(score=least / (2 + place)) for place, c in enumerate(more)] if left else more
    pins = [Candidate(id_, 0.0, "pinned") for id_ in surface.pinned if id_ in one.catalogue.of]
    pinned = allowed(pins, surface, one.catalogue, one.whom.user_ids, one.now)
    who = one.question.project_id.bytes + str((one.whom.person, surface.name, f"{one.now:%Y%m%d%H}")).encode()
    seed = xxhash.xxh3_64_intdigest(who)
    return placed(pinned, arranged(left, surface, one.catalogue, one.now), surface, seed)


def _item(one: _Asked, place: Placed) -> Recommended:
    candidate = place.candidate
    of = one.catalogue.of.get(candidate.entity_id)
    speaks = one.catalogue.of.get(candidate.because)
    hidden = of is not None and of.hidden
    key, value = candidate.shared
    counts = {
        name: n for name, n in (("people", candidate.people), ("orders", candidate.orders)) if n and not hidden
    }  # fmt: skip
    return Recommended(
        entity_type=one.entity_type, entity_id=candidate.entity_id, name=of.name if of else "",
        score=round(candidate.score, 6), position=0, propensity=place.propensity,
        reason=Reason(
            kind="likes" if key and not candidate.because else candidate.why, entity_id=candidate.because,
            name=speaks.name if speaks and not speaks.deleted else "", key=key, value=value,
            place=one.asked.place if candidate.why == "trending" else "", **counts,
        ),
    )  # fmt: skip


def _intent(
    store: Store,
    question: Question,
    person: int | None,
    pack: Pack,
    saved: StatedPreferences,
    now: datetime,
    answers: list[Answer],
    intent_of: Callable[[int], str] | None,
) -> str:
    if person is None or not pack.journey.intents:
        return ""
    if intent_of is not None:
        return intent_of(person)
    only = Personalize(include=["intent"])
    more, decided = decide_all(store, question, [person], only, pack, saved, now, False, {}, Registered())
    answers += more
    intent = decided[person].personal.intent
    return intent.name if intent else ""
