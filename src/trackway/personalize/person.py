"""The knowledge about one person that applications act on: preferences, stage, intent, active hours, what to suggest
next, and who is like them.

Everything follows from the person's actions up to the end of the period, under all their ids, and from the rules of the
project's metrics pack.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

import msgspec

from trackway.analyze.language.period import BadQuestion
from trackway.analyze.language.question import Answer, Question, ask, moment
from trackway.analyze.people.persons import person_number
from trackway.enrich.identity import user_token
from trackway.govern.metric_packs import Pack
from trackway.govern.saved.preferences import StatedPreferences
from trackway.personalize.hours import DAYS, ActiveHours, active_hours
from trackway.personalize.journey import Decided, decide, facts
from trackway.personalize.preferences import (
    Action,
    ContentType,
    Entity,
    Preference,
    Said,
    content_types,
    inferred,
    is_interaction,
    said_of,
    stated,
)
from trackway.personalize.similar import SimilarPerson, similar_people
from trackway.personalize.suggestions import Suggested, in_holdout, suggested
from trackway.store.connection import Store

Part = Literal["preferences", "content_types", "stage", "intent", "hours", "suggestion", "similar"]
PARTS: tuple[Part, ...] = get_args(Part)
_MOST_ACTIONS = 10_000
_MATCHES = 0.1
"""The confidence from which a preference says that a new entity matches."""
_VISIT_GAP = timedelta(minutes=30)
_EVER, _NEVER = "1970-01-01 00:00:00.000", datetime(2299, 1, 1, tzinfo=UTC)


class Personalize(msgspec.Struct, tag="personalize", tag_field="question", kw_only=True):
    """Preferences, content types, stage, intent and active hours of one person, a suggestion to them, and people like
    them.

    The person is named by exactly one of `person` (from an answer) and `user_id`; an account of type user gets its own
    and names nobody. `include` chooses the parts, all by default. `language` is the language of the suggestion, `limit`
    the most people like this one.
    """

    person: str = ""
    user_id: str = ""
    include: list[Part] = []
    language: str = "en"
    limit: Annotated[int, msgspec.Meta(ge=1, le=50)] = 10


class Personal(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The parts of the knowledge about a person. Parts that were not asked for are absent; a stage, intent or
    suggestion is null when no rule fits. `holdout` says that the person belongs to those who see no suggestions. Of
    somebody who opted out, `opted_out` is all that is said.
    """

    person: str
    preferences: list[Preference] | msgspec.UnsetType = msgspec.UNSET
    content_types: list[ContentType] | msgspec.UnsetType = msgspec.UNSET
    stage: Decided | msgspec.UnsetType | None = msgspec.UNSET
    intent: Decided | msgspec.UnsetType | None = msgspec.UNSET
    hours: ActiveHours | msgspec.UnsetType = msgspec.UNSET
    suggestion: Suggested | msgspec.UnsetType | None = msgspec.UNSET
    holdout: bool | msgspec.UnsetType = msgspec.UNSET
    similar: list[SimilarPerson] | msgspec.UnsetType = msgspec.UNSET
    opted_out: bool = False


class _Known(NamedTuple):
    """The rows of a person in the store: all actions of the days that any part looks at (`actions`), the newest ones,
    the newest value of each trait, and all user ids.
    """

    user_ids: list[str]
    actions: list[Action]
    newest: list[Action]
    activities: int
    registered_at: datetime | None
    traits: dict[str, Any]


def personalize(
    store: Store, question: Question, asked: Personalize, pack: Pack, saved: StatedPreferences, now: datetime
) -> tuple[list[Answer], Personal | None]:
    """Return what is known of a person; None when nobody has this id.

    Raises:
        BadQuestion: the body names nobody, or two people.
    """
    if store.policy is not None and store.policy.entities is not None:
        raise BadQuestion("question", "is about people; an account of entities does not see single people")
    person = _number(store, question, asked)
    if person is None:
        return [], None
    now = min(now, question.period.end)
    answers, known = _known(store, question, person, pack, now)
    said = saved.of(question.project_id, known.user_ids)
    if said.opted_out:
        return answers, Personal(person=str(person), opted_out=True)
    zone = _zone(known.traits, question.timezone)
    not_cleared = [action for action in known.actions if said.cleared_at is None or action.at > said.cleared_at]
    counting = _within(not_cleared, now, pack.preferences.days)
    parts: dict[str, Any] = {}
    at = decide(pack.journey.stages, of := facts(
        pack.journey, now, known.registered_at, known.activities, known.newest, known.traits
    ))  # fmt: skip
    wants = decide(pack.journey.intents, of)
    include = set(asked.include or PARTS)
    likes: list[Preference] = []
    if include & {"preferences", "suggestion"}:
        entities = {(action.entity_type, action.entity_id) for action in counting if is_interaction(action, pack.score)}
        answer, described = _said(store, question, entities, pack)
        answers += answer
        likes = stated(said.preferences, inferred(counting, described, pack.score, pack.preferences, now, zone))
    if "preferences" in include:
        parts["preferences"] = likes
    if "content_types" in include:
        parts["content_types"] = content_types(counting, pack.score)
    if "stage" in include:
        parts["stage"] = at
    if "intent" in include:
        parts["intent"] = wants
    if "hours" in include:
        parts["hours"] = active_hours(known.actions, now, zone)
    if "suggestion" in include:
        held = in_holdout(question.project_id.bytes, person, pack.holdout)
        parts["holdout"] = held
        parts["suggestion"] = None if held else suggested(
            pack.suggestions, at, wants, _within(known.actions, now, pack.preferences.days), now, asked.language,
            lambda kind: _new(store, question, kind, _before_this_visit(known.newest), likes, pack, answers),
        )  # fmt: skip
    if "similar" in include:
        of_window = _within(not_cleared, now, pack.similar.days)
        found, parts["similar"] = similar_people(store, question, person, of_window, pack, saved, now, asked.limit)
        answers += found
    return answers, Personal(person=str(person), **parts)


def _within(actions: list[Action], now: datetime, days: int) -> list[Action]:
    return [action for action in actions if action.at >= now - timedelta(days=days)]


def _number(store: Store, question: Question, asked: Personalize) -> int | None:
    """Return the number of the person; None when there is no such user."""
    if store.policy is not None and store.policy.person is not None:
        return store.policy.person or None
    if bool(asked.person) == bool(asked.user_id):
        raise BadQuestion("person", "name exactly one of person and user_id")
    if asked.person:
        return person_number(asked.person)
    token = user_token(question.project_id.bytes, asked.user_id)
    rows = ask(store, "personalize/person_of_user.sql", question, token=token).rows()
    return rows[0]["person"] if rows else None


def _known(store: Store, question: Question, person: int, pack: Pack, now: datetime) -> tuple[list[Answer], _Known]:
    ids = ask(store, "language/person_ids.sql", question, persons=[person]).rows()
    own: dict[str, Any] = {"identities": sorted({person, *(row["identity"] for row in ids)}), "end": moment(now)}
    days = max(pack.preferences.days, pack.similar.days, DAYS)
    since = moment(now - timedelta(days=days))
    actions = ask(store, "personalize/actions.sql", question, **own, since=since, most=_MOST_ACTIONS)
    totals = ask(store, "personalize/totals.sql", question, **own)
    traits = ask(store, "personalize/traits.sql", question, **own)
    answers, recent = [actions, totals, traits], [Action(**row) for row in actions.rows()]
    newest = recent[: pack.journey.newest]
    if len(newest) < pack.journey.newest:  # some are older
        ever = ask(store, "personalize/actions.sql", question, **own, since=_EVER, most=pack.journey.newest)
        answers.append(ever)
        newest = [Action(**row) for row in ever.rows()]
    total, stated_rows = totals.rows()[0], traits.rows()
    newest_value: dict[str, Any] = {}
    for row in reversed(stated_rows):
        newest_value |= json.loads(row["traits"])
    user_ids = sorted({row["user_id"] for row in (*ids, *stated_rows) if row["user_id"]})
    return answers, _Known(
        user_ids=user_ids,
        actions=recent,
        newest=newest,
        activities=max(0, total["activities"]),
        registered_at=total["registered_at"] if total["registered_at"] < _NEVER else None,
        traits=newest_value,
    )


def _zone(traits: dict[str, Any], otherwise: str) -> ZoneInfo:
    """Return the time zone that a person's traits name, or that of the project."""
    name = traits.get("timezone")
    try:
        return ZoneInfo(name if isinstance(name, str) and name else otherwise)
    except (KeyError, ValueError, OSError):
        return ZoneInfo(otherwise)


def _said(
    store: Store, question: Question, entities: Iterable[Entity], pack: Pack
) -> tuple[list[Answer], dict[Entity, frozenset[Said]]]:
    """Return what the register says about entities, as keys and values."""
    keys = sorted(entities)
    if not keys:
        return [], {}
    answer = ask(store, "personalize/registered.sql", question, keys=keys)
    return [answer], {
        (row["entity_type"], row["entity_id"]): said_of(
            row["entity_type"], row["parents"], row["attributes"], pack.preferences
        )
        for row in answer.rows()
    }


def _before_this_visit(newest: list[Action]) -> datetime | None:
    """Return the end of the visit before the present one; None without one among the newest actions."""
    for later, earlier in pairwise(newest):
        if later.at - earlier.at >= _VISIT_GAP:
            return earlier.at
    return None


def _new(
    store: Store,
    question: Question,
    entity_type: str,
    since: datetime | None,
    likes: list[Preference],
    pack: Pack,
    answers: list[Answer],
) -> int:
    """Return the number of entities of a type that are new since a time and have something that the person likes,
    besides being of that type.
    """
    liked = {(one.key, one.value) for one in likes if one.confidence >= _MATCHES and one.key != "content_type"}
    muted = {(one.key, one.value) for one in likes if one.source == "explicit" and not one.confidence}
    if since is None or not liked:
        return 0
    answer = ask(store, "personalize/newer.sql", question, entity_type=entity_type, since=moment(since))
    answers.append(answer)
    described = (said_of(entity_type, row["parents"], row["attributes"], pack.preferences) for row in answer.rows())
    return sum(1 for said in described if said & liked and not said & muted)
