"""The knowledge about one person that applications act on: preferences, stage, intent, active hours, what to suggest
next, and who is like them.

Everything follows from the person's actions up to the end of the period, under all their ids, and from the rules of the
project's metrics pack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

import msgspec

from trackway.analyze.language.period import BadQuestion
from trackway.analyze.language.question import Answer, Question, ask
from trackway.analyze.people.persons import person_number
from trackway.enrich.identity import user_token
from trackway.govern.metric_packs import Pack
from trackway.govern.personal_rules import Measured
from trackway.govern.saved.preferences import Stated, StatedPreferences
from trackway.personalize.hours import ActiveHours, active_hours
from trackway.personalize.journey import Decided, decide, facts
from trackway.personalize.known import Known, ids_of, known
from trackway.personalize.measured import MEASUREMENTS
from trackway.personalize.predict.answer import Prediction, predictions
from trackway.personalize.preferences import (
    Action,
    ContentType,
    Entity,
    Preference,
    Said,
    content_types,
    inferred,
    is_interaction,
    stated,
)
from trackway.personalize.registered import NewEntity, Registered
from trackway.personalize.similar import SimilarPerson, similar_people
from trackway.personalize.suggestions import Suggested, in_holdout, suggested
from trackway.store.connection import Store
from trackway.store.policy import Policy
from trackway.timezones import time_zone

Part = Literal["preferences", "content_types", "stage", "intent", "hours", "suggestion", "similar", "predictions"]
PARTS: tuple[Part, ...] = get_args(Part)
USUAL = PARTS[:-1]
"""The parts of an answer to somebody who names none."""
_MATCHES = 0.1
"""The confidence from which a preference says that a new entity matches."""
_VISIT_GAP = timedelta(minutes=30)


class Personalize(msgspec.Struct, tag="personalize", tag_field="question", kw_only=True):
    """Preferences, content types, stage, intent and active hours of one person, a suggestion to them, and people like
    them.

    The person is named by exactly one of `person` (from an answer) and `user_id`; an account of type user gets its own
    and names nobody. `include` chooses the parts, all but `predictions` by default. `language` is the language of the
    suggestion, `limit` the most people like this one.
    """

    person: str = ""
    user_id: str = ""
    include: list[Part] = []
    language: str = "en"
    limit: Annotated[int, msgspec.Meta(ge=1, le=50)] = 10


class Personal(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The parts of the knowledge about a person, and the version of the `rules` that decided. Parts that were not asked
    for are absent; a stage, intent or suggestion is null when no rule fits. `holdout` says that the person belongs to
    those who see no suggestions. Of somebody who opted out, `opted_out` is all that is said.
    """

    person: str
    rules: int
    preferences: list[Preference] | msgspec.UnsetType = msgspec.UNSET
    content_types: list[ContentType] | msgspec.UnsetType = msgspec.UNSET
    stage: Decided | msgspec.UnsetType | None = msgspec.UNSET
    intent: Decided | msgspec.UnsetType | None = msgspec.UNSET
    hours: ActiveHours | msgspec.UnsetType = msgspec.UNSET
    suggestion: Suggested | msgspec.UnsetType | None = msgspec.UNSET
    holdout: bool | msgspec.UnsetType = msgspec.UNSET
    similar: list[SimilarPerson] | msgspec.UnsetType = msgspec.UNSET
    predictions: list[Prediction] | msgspec.UnsetType = msgspec.UNSET
    opted_out: bool = False


class Decisions(NamedTuple):
    """The decisions about a person, and what they depend on besides events: what the person stated (`said`), under
    which user ids, and those of the people shown to them.
    """

    personal: Personal
    said: Stated
    own_ids: frozenset[str]
    shown_ids: frozenset[str]


def personalize(
    store: Store, question: Question, asked: Personalize, pack: Pack, saved: StatedPreferences, now: datetime
) -> tuple[list[Answer], Personal | None]:
    """Return what is known of a person; None when nobody has this id.

    Raises:
        BadQuestion: the body names nobody, or two people.
    """
    person = person_asked(store, question, asked)
    if person is None:
        return [], None
    for_display = store.policy is not None and store.policy.person is not None
    named = {person: {asked.user_id}} if asked.user_id else {}
    answers, decided = decide_all(store, question, [person], asked, pack, saved, now, for_display, named, Registered())
    return answers, decided[person].personal


def decide_all(
    store: Store,
    question: Question,
    persons: list[int],
    asked: Personalize,
    pack: Pack,
    saved: StatedPreferences,
    now: datetime,
    for_display: bool,
    named: Mapping[int, set[str]],
    register: Registered,
) -> tuple[list[Answer], dict[int, Decisions]]:
    """Decide about several persons at once: their rows are read together, which costs little more than for one.

    Args:
        asked: the parts, the language and the limit; whom it names does not matter.
        for_display: the answers are for the persons themselves, who see others only where many are.
        named: the user ids by which somebody asked. While the store goes back to a checkpoint, it may not know that
            they are the persons', and what they stated and that they opted out holds then too.
        register: the register of the question's project.
    """
    now = min(now, question.period.end)
    # The caller may ask about these persons. A policy of one person would hide the register and everybody who is
    # similar; every statement names the persons whose rows it reads.
    store = store.within(Policy(question.project_id))
    include = set(asked.include or USUAL)
    answers, rows = known(store, question, persons, pack, now, "suggestion" in include)
    own_ids = {person: rows[person].user_ids | named.get(person, set()) for person in persons}
    said = {person: saved.of(question.project_id, own_ids[person]) for person in persons}
    entities = {
        (action.entity_type, action.entity_id)
        for person in persons if not said[person].opted_out
        for action in rows[person].actions if is_interaction(action, pack.score)
    }  # fmt: skip
    described: dict[Entity, frozenset[Said]] = {}
    if include & {"preferences", "suggestion"}:
        of_register, described = register.said(store, question, entities, pack)
        answers += of_register

    def new(entity_type: str, since: datetime) -> list[NewEntity]:
        of_type, found = register.new(store, question, entity_type, since, pack)
        answers.extend(of_type)
        return found

    predicted: dict[int, list[Prediction]] = {}
    if "predictions" in include:
        of_models, predicted = predictions(store, question, persons)
        answers += of_models
    decided = {}
    for person in persons:
        if said[person].opted_out:
            personal, shown = (
                Personal(person=str(person), rules=question.metrics_version, opted_out=True),
                frozenset[str](),
            )
        else:
            personal = _personal(
                person, rows[person], said[person], described, new,
                lambda measured: MEASUREMENTS.percent(store, question, measured, now), question, asked, pack, now,
            )  # fmt: skip
            shown = frozenset()
            if "predictions" in include:
                personal.predictions = predicted[person]
            if "similar" in include:
                of_window = _within(_not_cleared(rows[person], said[person]), now, pack.similar.days)
                found, personal.similar, shown = similar_people(
                    store, question, person, of_window, pack, saved, now, asked.limit, for_display
                )
                answers += found
        decided[person] = Decisions(personal, said[person], own_ids[person], shown)
    return answers, decided


def _personal(
    person: int,
    of: Known,
    said: Stated,
    described: Mapping[Entity, frozenset[Said]],
    new: Callable[[str, datetime], list[NewEntity]],
    percent: Callable[[Measured], int | None],
    question: Question,
    asked: Personalize,
    pack: Pack,
    now: datetime,
) -> Personal:
    """Decide about a person from their rows: all parts but the people like them."""
    zone = _zone(of.traits.get("timezone"), of.timezone, question.timezone)
    counting = _within(_not_cleared(of, said), now, pack.preferences.days)
    parts: dict[str, Any] = {}
    met = facts(pack.journey, now, of.registered_at, of.activities, of.newest, of.traits)
    stage, intent = decide(pack.journey.stages, met), decide(pack.journey.intents, met)
    include = set(asked.include or USUAL)
    likes: list[Preference] = []
    if include & {"preferences", "suggestion"}:
        likes = stated(said.preferences, inferred(counting, described, pack.score, pack.preferences, now, zone))
    if "preferences" in include:
        parts["preferences"] = likes
    if "content_types" in include:
        parts["content_types"] = content_types(counting, pack.score)
    if "stage" in include:
        parts["stage"] = stage
    if "intent" in include:
        parts["intent"] = intent
    if "hours" in include:
        parts["hours"] = active_hours(of.actions, now, zone)
    if "suggestion" in include:
        held = in_holdout(question.project_id.bytes, person, pack.holdout)
        parts["holdout"] = held
        parts["suggestion"] = None if held else suggested(
            pack.suggestions, stage, intent, of.told, now, asked.language,
            lambda entity_type: _count_new(new, entity_type, _last_visit(of, now), likes), percent,
        )  # fmt: skip
    return Personal(person=str(person), rules=question.metrics_version, **parts)


def _not_cleared(of: Known, said: Stated) -> list[Action]:
    return [action for action in of.actions if said.cleared_at is None or action.at > said.cleared_at]


def _within(actions: list[Action], now: datetime, days: int) -> list[Action]:
    return [action for action in actions if action.at >= now - timedelta(days=days)]


def user_ids_of(store: Store, question: Question, user_id: str) -> set[str]:
    """Return all user ids of the person who has this one, itself too if nothing is known of it."""
    person = person_asked(store, question, Personalize(user_id=user_id))
    if not person:
        return {user_id}
    _, ids = ids_of(store.within(Policy(question.project_id)), question, [person])
    return {user_id} | ids[person].user_ids


def person_asked(store: Store, question: Question, asked: Personalize) -> int | None:
    """Return the number of the person that a body names; None when there is no such user.

    Raises:
        BadQuestion: the body names nobody, or two people; or the caller sees entities.
    """
    if store.policy is not None and store.policy.entities is not None:
        raise BadQuestion("question", "is about people; an account of entities does not see single people")
    if store.policy is not None and store.policy.person is not None:
        return store.policy.person or None
    if bool(asked.person) == bool(asked.user_id):
        raise BadQuestion("person", "name exactly one of person and user_id")
    if asked.person:
        return person_number(asked.person)
    return persons_of(store, question, [asked.user_id]).get(asked.user_id)


def persons_of(store: Store, question: Question, user_ids: Iterable[str]) -> dict[str, int]:
    """Return the numbers of the persons who have these user ids; a user of whom nothing is known is not among them."""
    tokens = {user_token(question.project_id.bytes, user_id): user_id for user_id in user_ids}
    rows = ask(store, "personalize/persons_of_users.sql", question, tokens=list(tokens)).rows()
    return {tokens[row["token"]]: row["person"] for row in rows}


def _zone(*names: Any) -> ZoneInfo:
    """Return the first time zone that exists: what a person's trait says, what their browser said, the project's."""
    for name in names:
        with suppress(ValueError):
            if name and isinstance(name, str):
                return time_zone(name)
    return ZoneInfo("UTC")


def _last_visit(of: Known, now: datetime) -> datetime | None:
    """Return the end of the last visit before the present one; None without one among the actions that were read."""
    actions = max(of.actions, of.newest, key=len)
    for later, earlier in pairwise([now, *(action.at for action in actions)]):
        if later - earlier >= _VISIT_GAP:
            return earlier
    return None


def _count_new(
    new: Callable[[str, datetime], list[NewEntity]], entity_type: str, since: datetime | None, likes: list[Preference]
) -> int:
    """Return the number of entities of a type that are new since a time and have something that the person likes,
    besides being of that type.
    """
    liked = {(one.key, one.value) for one in likes if one.confidence >= _MATCHES and one.key != "content_type"}
    muted = {(one.key, one.value) for one in likes if one.source == "explicit" and not one.confidence}
    if since is None or not liked:
        return 0
    return sum(1 for one in new(entity_type, since) if one.said & liked and not one.said & muted)
