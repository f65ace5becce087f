"""Persons: the list, one person's history across visitors and sessions, and the merges that form persons."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from trackway.analyze.language.active_sessions import ACTIVE_FOR, without_taken_over
from trackway.analyze.language.period import BadQuestion, page
from trackway.analyze.language.question import Answer, Question, ask, moment
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


def persons(store: Store, question: Question, asked: Persons) -> tuple[list[Answer], list[dict[str, Any]]]:
    """Return `person`, a `name`, ids, the number of `visitors`, `sessions`, `events` and `page_views`, and times and
    places.
    """
    if asked.sort not in SORTS:
        raise BadQuestion("sort", f"{asked.sort!r}: sort by one of {', '.join(SORTS)}")
    page(asked.limit, asked.offset)
    shape = {"sort": asked.sort, "listed": bool(asked.persons)}
    known = [_number(one) for one in asked.persons]
    identities = {row["identity"] for row in _ids(store, question, known)} if known else set()
    answer = ask(
        store, "people/persons.sql", question, shape,
        limit=asked.limit, offset=asked.offset, identities=[*identities.union(known)],
    )  # fmt: skip
    return [answer], [_shown(row) for row in answer.rows()]


def person(store: Store, question: Question, asked: Person) -> tuple[list[Answer], dict[str, Any] | None]:
    """Return everything about one person, or None when nobody has this id.

    Returns:
        `profile` (as in the list), `visitor_ids`, `user_ids`, `properties` (the newest value of each trait), `history`
        (each trait's values with the time from which they held, the oldest first), `sessions` (with versions of browser
        and system; `active` ones may continue, and have no `duration_s` yet), `orders` (including those that no longer
        count), `events` (the newest first), and `merges`.
    """
    found = _find(store, question, asked)
    if found is None:
        return [], None
    own_number, visitors, users = found
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
    return [events, traits, sessions, orders, *merged], {
        "profile": _shown(profile[0]) if profile else None,
        "visitor_ids": sorted(visitors),
        "user_ids": sorted(users),
        "properties": {name: values[-1]["value"] for name, values in history.items()},
        "history": history,
        "sessions": [_session(row) for row in sessions.rows()],
        "orders": [
            {**row, "counts": bool(row["counts"]), "amount": str(row["amount"]), "refunded": str(row["refunded"])}
            for row in orders.rows()
        ],
        "events": events.rows(),
        "merges": merges_,
    }


def merges(store: Store, question: Question, asked: Merges) -> tuple[list[Answer], list[dict[str, Any]]]:
    """Return `kind` (identify or alias), the numbers `identity` and `person` that name the merge, `from_id`, `user_id`,
    `at`, and whether it is `undone`, by whom and when.
    """
    page(asked.limit, asked.offset)
    whose = _number(asked.person) if asked.person else 0
    answer = ask(
        store,
        "people/merges.sql",
        question,
        {"one": bool(asked.person)},
        whose=whose,
        limit=asked.limit,
        offset=asked.offset,
    )
    return [answer], [
        {
            **row,
            "identity": str(row["identity"]),
            "person": str(row["person"]),
            "undone": bool(row["undone"]),
            "undone_by": row["undone_by"] or None,
        }
        for row in answer.rows()
    ]


def set_undone(
    store: Store, question: Question, identity: str, other: str, undone: bool, by: str, at: datetime
) -> bool:
    """Undo a merge, or restore an undone one. Returns False when there is no such merge.

    The next answer counts accordingly; events and sessions are not changed.
    """
    pair = {"project": question.project_id, "identity": _number(identity), "person": _number(other)}
    which = "WHERE project_id = {project:UUID} AND identity = {identity:UInt64} AND person = {person:UInt64}"
    known = store.ask(
        f"SELECT count() AS n FROM (SELECT 1 FROM claims {which} UNION ALL SELECT 1 FROM aliases {which})", pair
    )
    if not known["n"][0].as_py():
        return False
    store.change(
        "INSERT INTO undone_merges (project_id, identity, person, undone, undone_at, undone_by) VALUES "
        "({project:UUID}, {identity:UInt64}, {person:UInt64}, {undone:UInt8}, {at:DateTime64(3,'UTC')}, {by:String})",
        {**pair, "undone": int(undone), "at": moment(at), "by": by},
    )
    store.persons.stale()
    return True


def _ids(store: Store, question: Question, persons_: list[int]) -> list[dict[str, Any]]:
    """Return all ids of persons: rows of `visitor_id`, `user_id` and `identity`."""
    return ask(store, "language/person_ids.sql", question, persons=persons_).rows()


def _find(store: Store, question: Question, asked: Person) -> tuple[int, set[str], set[str]] | None:
    """Return a person's number, and the ids that led to it."""
    given: dict[Literal["person", "visitor_id", "user_id"], str] = {
        "person": asked.person, "visitor_id": asked.visitor_id, "user_id": asked.user_id,
    }  # fmt: skip
    stated = [(name, value) for name, value in given.items() if value]
    if len(stated) != 1:
        raise BadQuestion("person", "say who by exactly one of person, visitor_id and user_id")
    name, value = stated[0]
    if name == "person":
        number = _number(value)
        identities = [*{number, *(row["identity"] for row in _ids(store, question, [number]))}]
        shape = {"condition": "s.identity IN {identities:Array(UInt64)}"}
        answer = ask(store, "people/person_find.sql", question, shape, identities=identities)
    else:
        answer = ask(
            store, "people/person_find.sql", question, {"condition": f"s.{name} = {{whose:String}}"}, whose=value
        )
    row = answer.rows()[0]
    if not row["found"]:
        return None
    return row["person"], {row["visitor_id"]}, {row["user_id"]} - {""}


def _history(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return each trait's values over time, without consecutive repetitions."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in reversed(rows):
        for name, value in json.loads(row["properties"]).items():
            values = found.setdefault(name, [])
            if not values or values[-1]["value"] != value:
                values.append({"at": row["timestamp"], "value": value})
    return found


def _session(row: dict[str, Any]) -> dict[str, Any]:
    active = bool(row["active"])
    return {**row, "active": active, "duration_s": None if active else row["duration_s"]}


def _never_here(row: dict[str, Any]) -> dict[str, Any]:
    names = ("person", "user_id", "visitor_id", "first_seen", "last_seen", "country", "device")
    counts = {"visitors": 0, "sessions": 0, "events": 0, "page_views": 0}
    return {**{name: row[name] for name in names}, "name": row["visitor_name"], **counts, "source": ""}


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "person": str(row["person"])}


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) >= 1 << 64:
        raise BadQuestion("person", f"{text!r} is not a person; take it from an answer")
    return int(text)
