"""Persons: the list, one person's history across visitors and sessions, and the merges that form persons."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec

from trackway.analyze.language.active_sessions import ACTIVE_FOR, without_taken_over
from trackway.analyze.language.period import BadQuestion, page
from trackway.analyze.language.question import Answer, Question, ask, moment
from trackway.analyze.language.rows import EventRow, SessionFields
from trackway.analyze.language.session_conversions import with_conversions
from trackway.store.connection import Store

SORTS = ("last_seen", "first_seen", "events", "sessions", "page_views")


class Persons(msgspec.Struct, tag="persons", tag_field="question", kw_only=True):
    """People with sessions that started in the period, or the given persons; sorted, the highest first."""

    sort: str = "last_seen"
    limit: int = 50
    offset: int = 0
    persons: list[str] = []


class Person(msgspec.Struct, tag="person", tag_field="question", kw_only=True):
    """One person, by exactly one of the ids; the newest `limit` events before a time. `addresses` adds the IP addresses
    of sessions, as far as they are stored.
    """

    person: str = ""
    visitor_id: str = ""
    user_id: str = ""
    before: datetime | None = None
    limit: int = 200
    addresses: bool = False


class Merges(msgspec.Struct, tag="merges", tag_field="question", kw_only=True):
    """The newest merges, or those of one person."""

    person: str = ""
    limit: int = 100
    offset: int = 0


class PersonRow(msgspec.Struct, kw_only=True):
    """A person: a friendly name, the newest ids, numbers of visitors, sessions, events and page views, the times of the
    first and the last event, the latest country and device, and the first source.
    """

    person: str
    name: str
    user_id: str
    visitor_id: str
    visitors: int
    sessions: int
    events: int
    page_views: int
    first_seen: datetime
    last_seen: datetime
    country: str
    device: str
    source: str


class TraitValue(msgspec.Struct):
    """The value of a trait, and the time from which it held."""

    at: datetime
    value: Any


class PersonSession(SessionFields[float | None], kw_only=True):
    """A session of a person. An `active` one may continue, and has no `duration_s` (seconds) yet. The `ip` is there if
    addresses were asked for. `converted` says whether a goal happened in it; `conversion_value` is the value of the
    orders placed in it, less refunds, in the project's currency; `bot` is the reason for which the visitor is taken for
    a bot, or empty.
    """

    browser_version: str
    system_version: str
    ip: str | msgspec.UnsetType = msgspec.UNSET


class PersonOrder(msgspec.Struct, kw_only=True):
    """An order or booking (`kind`): its amount and refunds in its currency; `counts` says whether it still counts."""

    kind: str
    order_id: str
    placed_at: datetime
    amount: Decimal
    refunded: Decimal
    currency: str
    service: str
    counts: bool


class Merge(msgspec.Struct, kw_only=True):
    """A merge of ids into a person by `identify` or `alias` (`kind`); `identity` and `person` name it. If it is undone,
    by whom and when.
    """

    kind: str
    identity: str
    person: str
    from_id: str
    user_id: str
    at: datetime
    undone: bool
    undone_by: str | None
    undone_at: datetime | None


class PersonAnswer(msgspec.Struct, kw_only=True):
    """Everything about a person: the newest value of each trait (`properties`) and its values over time, the oldest
    first (`history`); sessions, orders (including those that no longer count) and events, the newest first; and merges.
    """

    profile: PersonRow | None
    visitor_ids: list[str]
    user_ids: list[str]
    properties: dict[str, Any]
    history: dict[str, list[TraitValue]]
    sessions: list[PersonSession]
    orders: list[PersonOrder]
    events: list[EventRow]
    merges: list[Merge]


def persons(store: Store, question: Question, asked: Persons) -> tuple[list[Answer], list[PersonRow]]:
    """List people."""
    if asked.sort not in SORTS:
        raise BadQuestion("sort", f"{asked.sort!r}: sort by one of {', '.join(SORTS)}")
    page(asked.limit, asked.offset)
    shape = {"sort": asked.sort, "listed": bool(asked.persons)}
    known = [person_number(person) for person in asked.persons]
    identities = {row["identity"] for row in _ids(store, question, known)} if known else set()
    answer = ask(
        store, "people/persons.sql", question, shape,
        limit=asked.limit, offset=asked.offset, identities=[*identities.union(known)],
    )  # fmt: skip
    return [answer], [_shown(row) for row in answer.rows()]


def person(store: Store, question: Question, asked: Person) -> tuple[list[Answer], PersonAnswer | None]:
    """Return everything about one person, or None when nobody has this id."""
    ids_of_person = _find(store, question, asked)
    if ids_of_person is None:
        return [], None
    own_number, visitors, users = ids_of_person
    ids = _ids(store, question, [own_number])
    visitors |= {row["visitor_id"] for row in ids if row["visitor_id"]}
    users |= {row["user_id"] for row in ids if row["user_id"]}
    own: dict[str, Any] = {"identities": [*{own_number, *(row["identity"] for row in ids)}]}
    before, end = moment(asked.before or question.period.end), moment(question.period.end)
    events = ask(
        store, "people/person_events.sql", question, {"traits": False}, **own, before=before, limit=asked.limit
    )
    traits = ask(store, "people/person_events.sql", question, {"traits": True}, **own, before=end, limit=1000)
    since = moment(min(datetime.now(UTC), question.period.end) - ACTIVE_FOR)
    shown = {"addresses": asked.addresses}
    sessions = ask(store, "people/person_sessions.sql", question, shown, **own, limit=200, active_since=since)
    sessions = with_conversions(store, question, without_taken_over(store, question, sessions, since))
    orders = ask(store, "people/person_orders.sql", question, **own, limit=200)
    shape = {"sort": "last_seen", "listed": True}
    profile = ask(store, "people/persons.sql", question, shape, **own, limit=1, offset=0).rows()
    if not profile:  # somebody who ordered without ever visiting
        known = ask(store, "language/customers_shown.sql", question, **own).rows()
        profile = [{**_never_here(row), "events": events.table.num_rows} for row in known]
    merged, merges_ = merges(store, question, Merges(person=str(own_number), limit=1000))
    history = _history(traits.rows())
    return [events, traits, sessions, orders, *merged], PersonAnswer(
        profile=_shown(profile[0]) if profile else None,
        visitor_ids=sorted(visitors),
        user_ids=sorted(users),
        properties={name: values[-1].value for name, values in history.items()},
        history=history,
        sessions=[_session(row) for row in sessions.rows()],
        orders=[PersonOrder(**{**row, "counts": bool(row["counts"])}) for row in orders.rows()],
        events=events.structs(EventRow),
        merges=merges_,
    )


def merges(store: Store, question: Question, asked: Merges) -> tuple[list[Answer], list[Merge]]:
    """List merges, the newest first."""
    page(asked.limit, asked.offset)
    answer = ask(
        store,
        "people/merges.sql",
        question,
        {"of_person": bool(asked.person)},
        person=person_number(asked.person) if asked.person else 0,
        limit=asked.limit,
        offset=asked.offset,
    )
    rows = answer.rows()
    for row in rows:
        row |= {"identity": str(row["identity"]), "person": str(row["person"]), "undone": bool(row["undone"])}
        row["undone_by"] = row["undone_by"] or None
    return [answer], [Merge(**row) for row in rows]


def person_number(text: str) -> int:
    """Return the number of a person as the engine knows it.

    Raises:
        BadQuestion: the text is no such number.
    """
    if not text.isdecimal() or int(text) >= 1 << 64:
        raise BadQuestion("person", f"{text!r} is not a person; take it from an answer")
    return int(text)


def _ids(store: Store, question: Question, persons_: list[int]) -> list[dict[str, Any]]:
    """Return all ids of persons: rows of `visitor_id`, `user_id` and `identity`."""
    return ask(store, "language/person_ids.sql", question, persons=persons_).rows()


def _find(store: Store, question: Question, asked: Person) -> tuple[int, set[str], set[str]] | None:
    """Return a person's number, and the ids that led to it."""
    ids: dict[Literal["person", "visitor_id", "user_id"], str] = {
        "person": asked.person, "visitor_id": asked.visitor_id, "user_id": asked.user_id,
    }  # fmt: skip
    stated = [(name, value) for name, value in ids.items() if value]
    if len(stated) != 1:
        raise BadQuestion("person", "name exactly one of person, visitor_id and user_id")
    name, value = stated[0]
    if name == "person":
        number = person_number(value)
        identities = [*{number, *(row["identity"] for row in _ids(store, question, [number]))}]
        shape = {"condition": "s.identity IN {identities:Array(UInt64)}"}
        answer = ask(store, "people/person_find.sql", question, shape, identities=identities)
    else:
        shape = {"condition": f"s.{name} = {{id:String}}"}
        answer = ask(store, "people/person_find.sql", question, shape, id=value)
    row = answer.rows()[0]
    if not row["found"]:
        return None
    return row["person"], {row["visitor_id"]}, {row["user_id"]} - {""}


def _history(rows: list[dict[str, Any]]) -> dict[str, list[TraitValue]]:
    """Return each trait's values over time, without consecutive repetitions."""
    history: dict[str, list[TraitValue]] = {}
    for row in reversed(rows):
        for name, value in json.loads(row["properties"]).items():
            values = history.setdefault(name, [])
            if not values or values[-1].value != value:
                values.append(TraitValue(row["timestamp"], value))
    return history


def _session(row: dict[str, Any]) -> PersonSession:
    active = bool(row["active"])
    return PersonSession(**{**row, "active": active, "duration_s": None if active else row["duration_s"]})


def _never_here(row: dict[str, Any]) -> dict[str, Any]:
    names = ("person", "user_id", "visitor_id", "first_seen", "last_seen", "country", "device")
    counts = {"visitors": 0, "sessions": 0, "events": 0, "page_views": 0}
    return {**{name: row[name] for name in names}, "name": row["visitor_name"], **counts, "source": ""}


def _shown(row: dict[str, Any]) -> PersonRow:
    return PersonRow(**{**row, "person": str(row["person"])})
