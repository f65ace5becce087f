"""The rows of persons in the store from which everything about them is decided, read for several persons at once.

A statement costs the engine several milliseconds before it reads a row, and one of several SELECTs as much as all of
them. So there are few, each of them plain and for all persons together.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pyarrow as pa

from trackway.analyze.language.question import Answer, Question, ask, moment
from trackway.govern.metric_packs import Pack
from trackway.personalize.hours import DAYS
from trackway.personalize.preferences import Action
from trackway.personalize.suggestions import DISMISSED, DONE, ENTITY_TYPE, SHOWN
from trackway.store.connection import Store

_MOST_ACTIONS = 10_000
_SMALL = "max_threads = 1"
"""For a few rows found by key, several threads cost more than they save."""
_1970 = datetime(1970, 1, 1, tzinfo=UTC)
_Row = tuple[int, str, str, str, int, float, str]
"""A row of actions.sql: `at`, name, entity type and id, times, seconds, time zone."""


class Known(NamedTuple):
    """The rows of a person: all actions of the days that any part looks at (`actions`), the newest ones, the newest
    value of each trait, all user ids, and the time zone that their browser named last (empty: none did). `told` are
    events about the pack's suggestions: of each kind about each of them the last time and the number.
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


def known(
    store: Store, question: Question, persons: list[int], pack: Pack, now: datetime, with_told: bool
) -> tuple[list[Answer], dict[int, Known]]:
    """Return what the store has about each person; what they were told only `with_told`."""
    answers, ids = _joined_ids(store, question, persons)
    own = _identities(ids, persons)
    of_users = ask(store, "personalize/registered_at.sql", question, settings=_SMALL, **own)
    end: dict[str, Any] = {"end": moment(now)}
    stated = ask(store, "personalize/traits.sql", question, settings=_SMALL, **own, **end)
    suggestions = sorted({one.action for one in pack.suggestions}) if with_told else []
    did = ask(
        store, "personalize/actions.sql", question,
        {"most": _MOST_ACTIONS, "newest": pack.journey.newest, "told": bool(suggestions)}, settings=_SMALL,
        since=_before(now - timedelta(days=max(pack.preferences.days, pack.similar.days, DAYS))),
        since_told=_before(now - timedelta(days=pack.preferences.days)), of=ENTITY_TYPE,
        names=[SHOWN, DISMISSED, DONE], shown=SHOWN, suggestions=suggestions, **own, **end,
    )  # fmt: skip
    person_of = {identity: person for person in persons for identity in ids[person].identities}
    registered: dict[int, datetime] = {}
    for row in of_users.rows():
        person, at = person_of[row["identity"]], row["registered_at"]
        registered[person] = min(registered.get(person, at), at)
        if row["identity"] == person:
            ids[person].user_ids.add(row["user_id"])
    traits: dict[int, dict[str, Any]] = defaultdict(dict)
    for row in stated.rows():
        traits[row["person"]][row["trait"]] = json.loads(row["value"])
    of_actions = _by_person(did.table)
    found = {}
    for person in persons:
        did_ = of_actions.get(person, _NOTHING)
        registered_at = registered.get(person, now)
        zones = (zone for rows in (did_.recent, did_.newest) for *_, zone in rows if zone)
        found[person] = Known(
            user_ids=frozenset(ids[person].user_ids - {""}),
            actions=[_action(row) for row in did_.recent],
            newest=[_action(row) for row in did_.newest],
            activities=max(0, did_.activities),
            registered_at=registered_at if registered_at < now else None,
            traits=traits[person],
            told=_told(did_.told),
            timezone=next(zones, ""),
        )
    return [*answers, of_users, stated, did], found


def ids_of(store: Store, question: Question, persons: list[int]) -> tuple[list[Answer], dict[int, Ids]]:
    """Return the identities and user ids of persons."""
    answers, ids = _joined_ids(store, question, persons)
    of_users = ask(store, "personalize/registered_at.sql", question, settings=_SMALL, identities=persons)
    for row in of_users.rows():
        ids[row["identity"]].user_ids.update({row["user_id"]} - {""})
    return [*answers, of_users], ids


def _joined_ids(store: Store, question: Question, persons: list[int]) -> tuple[list[Answer], dict[int, Ids]]:
    """Return the identities and user ids of persons that claims and aliases joined to them."""
    ids = {person: Ids({person}, set()) for person in persons}
    answers = []
    if store.persons.joined:
        of_aliases = ask(store, "personalize/aliases_of_persons.sql", question, persons=persons)
        answers.append(of_aliases)
        for row in of_aliases.rows():
            ids[row["person"]].identities.add(row["identity"])
            ids[row["person"]].user_ids.update(row["user_ids"])
    if store.persons.any:
        person_of = {identity: person for person, of in ids.items() for identity in of.identities}
        users = sorted(person_of)
        claims = ask(store, "personalize/claims_of_users.sql", question, settings=_SMALL, users=users)
        answers.append(claims)
        for row in claims.rows():
            person = person_of[row["user"]]
            ids[person].user_ids.add(row["user_id"])
            if row["person"] == person:
                ids[person].identities.add(row["identity"])
    return answers, ids


def _identities(ids: dict[int, Ids], persons: Iterable[int]) -> dict[str, Any]:
    return {"identities": sorted({identity for person in persons for identity in ids[person].identities})}


def _before(at: datetime) -> int:
    """Return the milliseconds from a time to 1970, as actions.sql has them."""
    return -((at - _1970) // timedelta(milliseconds=1))


class _Did(NamedTuple):
    """The columns of actions.sql for a person."""

    activities: int
    recent: list[_Row]
    newest: list[_Row]
    told: list[_Row]


_NOTHING = _Did(0, [], [], [])


def _by_person(table: pa.Table) -> dict[int, _Did]:
    nothing: list[list[_Row]] = [[] for _ in range(len(table))]
    columns = [_rows(table[name]) if name in table.column_names else nothing for name in _Did._fields[1:]]
    persons, activities = table["person"].to_pylist(), table["activities"].to_pylist()
    return {person: _Did(*of) for person, *of in zip(persons, activities, *columns, strict=True)}


def _rows(lists: pa.ChunkedArray) -> list[list[_Row]]:
    """Return a column of lists of tuples. Whole columns of fields take a fraction of the time of value by value."""
    found = []
    for chunk in lists.chunks:
        rows = list(zip(*(field.to_pylist() for field in chunk.flatten().flatten()), strict=True))
        start = 0
        for length in chunk.value_lengths().to_pylist():
            found.append(rows[start : start + length])
            start += length
    return found


def _action(row: _Row) -> Action:
    at, name, entity_type, entity_id, times, lasted_s, _ = row
    return Action(datetime.fromtimestamp(-at / 1000, UTC), name, entity_type, entity_id, times, lasted_s)


def _told(rows: Iterable[_Row]) -> list[Action]:
    """Return what became of suggestions: each kind of event about each of them, with the last time and the number."""
    told: dict[tuple[str, str], Action] = {}
    for row in rows:  # the newest first
        action = _action(row)
        key = action.name, action.entity_id
        seen = told.get(key, action._replace(times=0, lasted_s=0))
        told[key] = seen._replace(times=seen.times + action.times)
    return list(told.values())
