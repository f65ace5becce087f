"""Views of entities: their number, their viewers and their sources; only counted views (collect/views)."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from trackway.analyze.entities.daily import large_groups
from trackway.analyze.language.period import BadQuestion, page
from trackway.analyze.language.question import Answer, Question, ask
from trackway.store.connection import Store
from trackway.store.policy import Policy

MOST_LOOKED_UP = 100
_BY = {
    "referrer_source": "referrer_source",
    "country": "country",
    "hour": "toString(toStartOfHour(hour, {timezone:String}))",
    "day": "toString(toDate(hour, {timezone:String}))",
    "week": "toString(toStartOfWeek(hour, 1, {timezone:String}))",
    "entity_type": "entity_type",
    "signed_in": "''",
}


class EntityViews(msgspec.Struct, tag="entity_views", tag_field="question", kw_only=True):
    """View counters of entities over all time, for up to 100 `ids` of one `entity_type`.

    For the public, counts of entities that hide theirs are left out; the `owner` sees them.
    """

    entity_type: str
    ids: list[str]
    seen_by: Literal["public", "owner"] = "owner"


class Views(msgspec.Struct, tag="views", tag_field="question", kw_only=True):
    """Counted views of a period, of all entities, of a type or of one entity, grouped `by` a dimension."""

    by: Literal["referrer_source", "country", "hour", "day", "week", "entity_type", "signed_in"] = "day"
    entity_type: str = ""
    entity_id: str = ""
    limit: int = 1000


class TopEntities(msgspec.Struct, tag="top_entities", tag_field="question", kw_only=True):
    """The most viewed entities of a period, of one type or of all, with their names."""

    entity_type: str = ""
    limit: int = 20


def entity_views(store: Store, question: Question, asked: EntityViews) -> tuple[list[Answer], list[dict[str, Any]]]:
    """Return for each id, in order: `views`, unique `sessions`, unique signed-in `viewers`, `anonymous` (the share of
    views without a signed-in viewer, 0 to 1), `last_viewed` and `hidden`. An entity without views has zeros.

    Raises:
        BadQuestion: there are no ids, or too many.
    """
    if not 1 <= len(asked.ids) <= MOST_LOOKED_UP:
        raise BadQuestion("ids", f"are 1 to {MOST_LOOKED_UP}")
    answer = ask(store, "entities/entity_views.sql", question, entity_type=asked.entity_type, ids=asked.ids)
    found = {row["entity_id"]: row for row in answer.rows()}
    return [answer], [_counted(found.get(one), one, asked.seen_by == "public") for one in asked.ids]


def _counted(row: dict[str, Any] | None, entity_id: str, public: bool) -> dict[str, Any]:
    if row is None:
        row = {"views": 0, "sessions": 0, "viewers": 0, "anonymous": 0, "last_viewed": None, "hidden": False}
    shown: dict[str, Any] = {"id": entity_id, "hidden": row["hidden"]}
    if row["hidden"] and public:
        return shown
    views = row["views"]
    return {
        **shown, "views": views, "sessions": row["sessions"], "viewers": row["viewers"],
        "anonymous": row["anonymous"] / views if views else 0.0, "last_viewed": row["last_viewed"] if views else None,
    }  # fmt: skip


def views(store: Store, question: Question, asked: Views) -> tuple[list[Answer], list[dict[str, Any]]]:
    """Return `value`, `views` and `anonymous` views; hours, days and weeks in order of time, other values by most
    views.

    Raises:
        BadQuestion: filters are given, which hourly counters cannot answer.
    """
    _no_filter(question)
    page(asked.limit)
    shape = {
        "by": _BY[asked.by], "of_time": asked.by in ("hour", "day", "week"), "signed_in": asked.by == "signed_in",
        "of_type": bool(asked.entity_type), "one": bool(asked.entity_id),
    }  # fmt: skip
    answer = ask(
        store, "entities/views.sql", question, shape,
        entity_type=asked.entity_type, entity_id=asked.entity_id, limit=asked.limit,
    )  # fmt: skip
    return [answer], answer.rows()


def top_entities(store: Store, question: Question, asked: TopEntities) -> tuple[list[Answer], list[dict[str, Any]]]:
    """Return `entity_type`, `entity_id`, `name`, `views` and `anonymous` views, the most viewed first."""
    _no_filter(question)
    page(asked.limit, most=1000)
    shape = {"of_type": bool(asked.entity_type)}
    answer = ask(store, "entities/top_entities.sql", question, shape, entity_type=asked.entity_type, limit=asked.limit)
    return [answer], answer.rows()


def _no_filter(question: Question) -> None:
    if question.filters:
        raise BadQuestion("filter", "views are counted by the hour, place and source alone; ask `trend` with a filter")


class Entities(msgspec.Struct, tag="entities", tag_field="question", kw_only=True):
    """Entities that are registered or occur in events, of one type or of all; `search` finds a part of the name or a
    whole id.
    """

    entity_type: str = ""
    search: str = ""
    limit: int = 100
    offset: int = 0


def entities(store: Store, question: Question, asked: Entities) -> tuple[list[Answer], list[dict[str, Any]]]:
    """Return `entity_type`, `entity_id`, `name`, `owners`, `parents`, `registered`, `hidden`, `first_seen` and
    `last_seen` (None for an entity without events), and `views` over all time; the most viewed first. For accounts,
    `owners` is empty.
    """
    _no_filter(question)
    page(asked.limit, asked.offset, 1000)
    within = "AND entity_type = {entity_type:String}" if asked.entity_type else ""
    answer = ask(
        store, "entities/entities.sql", question, {"within": within, "search": bool(asked.search)},
        entity_type=asked.entity_type, search=asked.search, limit=asked.limit, offset=asked.offset,
    )  # fmt: skip
    rows = answer.rows()
    for row in rows:
        if store.policy is not None and store.policy.narrow:
            row["owners"] = []  # they may include other accounts
        row["registered"], row["hidden"] = bool(row["registered"]), bool(row["hidden"])
        if row["last_seen"].year == 1970:
            row["first_seen"] = row["last_seen"] = None
    return [answer], rows


class Audience(msgspec.Struct, tag="audience", tag_field="question", kw_only=True):
    """The people who interacted with one entity, with entities of a type, or with any entity: `by` country, device or
    another column, or by a trait from `identify` events, such as `traits.gender` or `traits.age_range`.
    """

    entity_type: str = ""
    entity_id: str = ""
    by: str = "country"
    limit: int = 20


_OF_EVENTS = ("country", "region", "city", "device", "browser", "system", "language")
_TRAIT = re.compile(r"^traits\.[A-Za-z_][A-Za-z0-9_]{0,63}$")


def audience(store: Store, question: Question, asked: Audience) -> tuple[list[Answer], list[dict[str, Any]]]:
    """Return `value` and `persons`, the most first. A person counts for each of their places or devices; for a trait,
    only the latest value of a person counts, and persons without the trait have an empty value.

    An account may ask for a trait of one of its entities only, and sees only large groups (`daily.large_groups`); all
    other persons are counted under the empty value.

    Raises:
        BadQuestion: `by` is neither a column nor a trait, or an account asks for a trait of more than one entity.
    """
    trait = asked.by.removeprefix("traits.") if _TRAIT.match(asked.by) else ""
    if not trait and asked.by not in _OF_EVENTS:
        raise BadQuestion("by", f"is one of {', '.join(_OF_EVENTS)}, or a trait such as traits.gender")
    page(asked.limit, most=1000)
    shape = {"trait": trait, "by": asked.by, "within": _within(asked.entity_type, asked.entity_id)}
    of_account = bool(trait) and store.policy is not None and store.policy.narrow
    if of_account:
        if question.filters or store.policy is None or not store.policy.covers(asked.entity_type, asked.entity_id):
            raise BadQuestion(
                "by", "traits are said of people, not of entities: ask for those of one entity, unfiltered"
            )
        store = store.within(Policy(question.project_id))
    answer = ask(
        store, "entities/audience.sql", question, shape,
        entity_type=asked.entity_type, entity_id=asked.entity_id, limit=10_000 if of_account else asked.limit,
    )  # fmt: skip
    if not of_account:
        return [answer], answer.rows()
    groups = {row["value"]: row["persons"] for row in answer.rows()}
    everybody = sum(groups.values())
    shown = large_groups({value: persons for value, persons in groups.items() if value}, everybody)
    rest = everybody - sum(shown.values())
    rows = [{"value": value, "persons": persons} for value, persons in shown.items()]
    return [], [*rows, *([{"value": "", "persons": rest}] if rest else [])][: asked.limit]


def _within(entity_type: str, entity_id: str) -> str:
    """Return the condition that a row belongs to one entity, to a type, or to any entity."""
    of_type = "AND entity_type = {entity_type:String}" if entity_type else ""
    return f"{of_type} AND entity_id = {{entity_id:String}}" if entity_id else f"{of_type} AND entity_id != ''"


class ViewBookings(msgspec.Struct, tag="view_bookings", tag_field="question", kw_only=True):
    """The number of people who viewed entities in the period, and how many of them booked afterwards, for all entities,
    for a type or for one entity. The metrics pack names the booking events (`bookings`).
    """

    entity_type: str = ""
    entity_id: str = ""


def view_bookings(
    store: Store, question: Question, asked: ViewBookings, bookings: list[str]
) -> tuple[list[Answer], dict[str, Any]]:
    """Return `viewers` (a person counts once for each entity), the number who `booked` at the time of the view or
    later, and their `rate` (None without viewers). A view belongs to a person by its `user_id` or `anonymous_id`.
    """
    _no_filter(question)
    answer = ask(
        store, "entities/view_bookings.sql", question, {"within": _within(asked.entity_type, asked.entity_id)},
        entity_type=asked.entity_type, entity_id=asked.entity_id, bookings=bookings,
    )  # fmt: skip
    [row] = answer.rows()
    return [answer], {**row, "rate": row["booked"] / row["viewers"] if row["viewers"] else None}
