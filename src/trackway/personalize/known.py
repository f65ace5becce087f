"""The rows of persons in the store from which everything about them is decided, read for several persons at once."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from trackway.analyze.language.question import Answer, Question, ask, moment
from trackway.govern.metric_packs import Pack
from trackway.personalize.hours import DAYS
from trackway.personalize.preferences import Action, Entity, Said, said_of
from trackway.personalize.suggestions import DISMISSED, DONE, ENTITY_TYPE, SHOWN
from trackway.store.connection import Store

_MOST_ACTIONS = 10_000
_EVER = "1970-01-01 00:00:00.000"


class Known(NamedTuple):
    """The rows of a person: all actions of the days that any part looks at (`actions`), the newest ones, the newest
    value of each trait, all user ids, and the time zone that their browser named last (empty: none did). `told` are
    events about the pack's suggestions, as `told.sql` has them.
    """

    user_ids: frozenset[str]
    actions: list[Action]
    newest: list[Action]
    activities: int
    registered_at: datetime | None
    traits: dict[str, Any]
    told: list[Action]
    timezone: str


class Ids(NamedTuple):
    """The identities and the user ids of a person."""

    identities: set[int]
    user_ids: set[str]


class NewEntity(NamedTuple):
    """An entity that the register has since `since`, which no event named before."""

    since: datetime
    said: frozenset[Said]


def known(
    store: Store, question: Question, persons: list[int], pack: Pack, now: datetime, with_told: bool
) -> tuple[list[Answer], dict[int, Known]]:
    """Return what the store has about each person; what they were told only `with_told`."""
    answer, ids = ids_of(store, question, persons)
    answers = [answer]
    end: dict[str, Any] = {"end": moment(now)}
    own = _identities(ids, persons)
    days = max(pack.preferences.days, pack.similar.days, DAYS)
    since = moment(now - timedelta(days=days))
    recent, zones = _actions(store, question, own | end, since, _MOST_ACTIONS, answers)
    totals = ask(store, "personalize/totals.sql", question, **own, **end)
    traits = ask(store, "personalize/traits.sql", question, **own, **end)
    answers += [totals, traits]
    told = _told(store, question, own | end, pack, now, answers) if with_told and pack.suggestions else {}
    of_total = {row["person"]: row for row in totals.rows()}
    newest = {person: recent[person][: pack.journey.newest] for person in persons}
    lacking = [
        person for person in persons
        if len(newest[person]) < pack.journey.newest
        and of_total.get(person, {"activities": 0})["activities"] > sum(one.times for one in recent[person])
    ]  # fmt: skip
    if lacking:  # some of their newest actions are older
        of_lacking = _identities(ids, lacking) | end
        ever, zones_ever = _actions(store, question, of_lacking, _EVER, pack.journey.newest, answers)
        newest, zones = newest | ever, zones_ever | zones
    stated: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in traits.rows():
        stated[row["person"]].append(row)
    found = {}
    for person in persons:
        total = of_total.get(person, {"activities": 0, "registered_at": now})
        newest_value: dict[str, Any] = {}
        for row in reversed(stated[person]):
            newest_value |= json.loads(row["traits"])
        found[person] = Known(
            user_ids=frozenset(ids[person].user_ids | {row["user_id"] for row in stated[person]} - {""}),
            actions=recent[person],
            newest=newest[person],
            activities=max(0, total["activities"]),
            registered_at=total["registered_at"] if total["registered_at"] < now else None,
            traits=newest_value,
            told=told.get(person, []),
            timezone=zones.get(person, ""),
        )
    return answers, found


def ids_of(store: Store, question: Question, persons: list[int]) -> tuple[Answer, dict[int, Ids]]:
    """Return the identities and user ids of persons."""
    ids = {person: Ids({person}, set()) for person in persons}
    answer = ask(store, "personalize/ids_of_persons.sql", question, persons=persons)
    for row in answer.rows():
        ids[row["person"]].identities.add(row["identity"])
        ids[row["person"]].user_ids.update(row["user_ids"])
    return answer, ids


def _identities(ids: dict[int, Ids], persons: Iterable[int]) -> dict[str, Any]:
    return {"identities": sorted({identity for person in persons for identity in ids[person].identities})}


def _actions(
    store: Store, question: Question, values: dict[str, Any], since: str, most: int, answers: list[Answer]
) -> tuple[dict[int, list[Action]], dict[int, str]]:
    """Return the actions of each person since a time, at most `most` of each, the newest first, and the time zone of
    the newest one that has one.
    """
    answer = ask(store, "personalize/actions.sql", question, **values, since=since, most=most)
    answers.append(answer)
    rows = answer.rows()
    zones = {row["person"]: row["zone"] for row in reversed(rows) if row["zone"]}
    return _by_person(rows), zones


def _told(
    store: Store, question: Question, values: dict[str, Any], pack: Pack, now: datetime, answers: list[Answer]
) -> dict[int, list[Action]]:
    """Return what became of the pack's suggestions to each person, and how often they were shown in its `days`."""
    what: dict[str, Any] = {"of": ENTITY_TYPE, "names": [SHOWN, DISMISSED, DONE], "shown": SHOWN}
    suggestions = sorted({one.action for one in pack.suggestions})
    since = moment(now - timedelta(days=pack.preferences.days))
    answer = ask(store, "personalize/told.sql", question, **values, **what, suggestions=suggestions, since=since)
    answers.append(answer)
    return _by_person(answer.rows())


def _by_person(rows: Iterable[dict[str, Any]]) -> dict[int, list[Action]]:
    """Return actions by the person of each row, in the order of the rows."""
    found: dict[int, list[Action]] = defaultdict(list)
    for row in rows:
        found[row["person"]].append(Action(**{name: row[name] for name in Action._fields}))
    return found


def said_of_entities(
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


def new_entities(
    store: Store, question: Question, entity_type: str, since: datetime, pack: Pack
) -> tuple[Answer, list[NewEntity]]:
    """Return the entities of a type that are new since a time or later, the newest 10,000."""
    answer = ask(store, "personalize/newer.sql", question, entity_type=entity_type, since=moment(since))
    return answer, [
        NewEntity(
            min(row["added_at"], row["first_seen"]),
            said_of(entity_type, row["parents"], row["attributes"], pack.preferences),
        )
        for row in answer.rows()
    ]
