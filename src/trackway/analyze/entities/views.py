"""Views of entities: their number, their viewers and their sources; only counted views (collect/views)."""

from __future__ import annotations

import re
from datetime import datetime
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


class EntityCounters(msgspec.Struct, kw_only=True):
    """An entity's views, unique sessions and unique signed-in `viewers`; `anonymous` is the share (0 to 1) of views
    without a signed-in viewer. Counts are absent if they are hidden from the public.
    """

    id: str
    hidden: bool
    views: int | msgspec.UnsetType = msgspec.UNSET
    sessions: int | msgspec.UnsetType = msgspec.UNSET
    viewers: int | msgspec.UnsetType = msgspec.UNSET
    anonymous: float | msgspec.UnsetType = msgspec.UNSET
    last_viewed: datetime | msgspec.UnsetType | None = msgspec.UNSET


class ViewsRow(msgspec.Struct):
    """Views with one value of a dimension, and those of them without a signed-in viewer (`anonymous`)."""

    value: str
    views: int
    anonymous: int


class TopEntity(msgspec.Struct):
    """An entity with its name from the register, its views, and those without a signed-in viewer (`anonymous`)."""

    entity_type: str
    entity_id: str
    name: str
    views: int
    anonymous: int


def entity_views(store: Store, question: Question, asked: EntityViews) -> tuple[list[Answer], list[EntityCounters]]:
    """Count the views of each entity, in the order of the ids. An entity without views has zeros.

    Raises:
        BadQuestion: there are no ids, or too many.
    """
    if not 1 <= len(asked.ids) <= MOST_LOOKED_UP:
        raise BadQuestion("ids", f"are 1 to {MOST_LOOKED_UP}")
    answer = ask(store, "entities/entity_views.sql", question, entity_type=asked.entity_type, ids=asked.ids)
    rows_by_id = {row["entity_id"]: row for row in answer.rows()}
    return [answer], [_counters(rows_by_id.get(id_), id_, asked.seen_by == "public") for id_ in asked.ids]


def _counters(row: dict[str, Any] | None, entity_id: str, public: bool) -> EntityCounters:
    if row is None:
        row = {"views": 0, "sessions": 0, "viewers": 0, "anonymous": 0, "last_viewed": None, "hidden": False}
    if row["hidden"] and public:
        return EntityCounters(id=entity_id, hidden=True)
    views = row["views"]
    return EntityCounters(
        id=entity_id, hidden=bool(row["hidden"]), views=views, sessions=row["sessions"], viewers=row["viewers"],
        anonymous=row["anonymous"] / views if views else 0.0, last_viewed=row["last_viewed"] if views else None,
    )  # fmt: skip


def views(store: Store, question: Question, asked: Views) -> tuple[list[Answer], list[ViewsRow]]:
    """Count the views with each value: hours, days and weeks in order of time, other values by most views.

    Raises:
        BadQuestion: filters are given, which hourly counters cannot answer.
    """
    _no_filter(question)
    page(asked.limit)
    shape = {
        "by": _BY[asked.by], "of_time": asked.by in ("hour", "day", "week"), "signed_in": asked.by == "signed_in",
        "of_type": bool(asked.entity_type), "of_entity": bool(asked.entity_id),
    }  # fmt: skip
    answer = ask(
        store, "entities/views.sql", question, shape,
        entity_type=asked.entity_type, entity_id=asked.entity_id, limit=asked.limit,
    )  # fmt: skip
    return [answer], answer.structs(ViewsRow)


def top_entities(store: Store, question: Question, asked: TopEntities) -> tuple[list[Answer], list[TopEntity]]:
    """List the most viewed entities, the most viewed first."""
    _no_filter(question)
    page(asked.limit, most=1000)
    shape = {"of_type": bool(asked.entity_type)}
    answer = ask(store, "entities/top_entities.sql", question, shape, entity_type=asked.entity_type, limit=asked.limit)
    return [answer], answer.structs(TopEntity)


def _no_filter(question: Question) -> None:
    if question.filters:
        raise BadQuestion("filter", "views are counted by hour, place and source only; ask `trend` with a filter")


class Entities(msgspec.Struct, tag="entities", tag_field="question", kw_only=True):
    """Entities that are registered or occur in events, of one type or of all; `search` finds a part of the name or a
    whole id.
    """

    entity_type: str = ""
    search: str = ""
    limit: int = 100
    offset: int = 0


class EntityRow(msgspec.Struct):
    """An entity: as registered, the times of its first and last event (None without events), and its views over all
    time. `parents` are written type:id; for accounts, `owners` is empty.
    """

    entity_type: str
    entity_id: str
    name: str
    owners: list[str]
    parents: list[str]
    registered: bool
    hidden: bool
    first_seen: datetime | None
    last_seen: datetime | None
    views: int


def entities(store: Store, question: Question, asked: Entities) -> tuple[list[Answer], list[EntityRow]]:
    """List entities, the most viewed first."""
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
    return [answer], [EntityRow(**row) for row in rows]


class Audience(msgspec.Struct, tag="audience", tag_field="question", kw_only=True):
    """The people who interacted with one entity, with entities of a type, or with any entity: `by` country, device or
    another column, or by a trait from `identify` events, such as `traits.gender` or `traits.age_range`.
    """

    entity_type: str = ""
    entity_id: str = ""
    by: str = "country"
    limit: int = 20


_OF_EVENTS = ("country", "region", "city", "device", "browser", "system", "language")
_TRAIT = re.compile(r"traits\.[A-Za-z_][A-Za-z0-9_]{0,63}")


class AudienceRow(msgspec.Struct):
    """The number of persons with one value."""

    value: str
    persons: int


def audience(store: Store, question: Question, asked: Audience) -> tuple[list[Answer], list[AudienceRow]]:
    """Count persons by value, the most first. A person counts for each of their places or devices; for a trait, only
    the latest value of a person counts, and persons without the trait have an empty value.

    An account may ask for a trait of one of its entities only, and sees only large groups (`daily.large_groups`); all
    other persons are counted under the empty value.

    Raises:
        BadQuestion: `by` is neither a column nor a trait, or an account asks for a trait of more than one entity.
    """
    trait = asked.by.removeprefix("traits.") if _TRAIT.fullmatch(asked.by) else ""
    if not trait and asked.by not in _OF_EVENTS:
        raise BadQuestion("by", f"is one of {', '.join(_OF_EVENTS)}, or a trait such as traits.gender")
    page(asked.limit, most=1000)
    shape = {"trait": trait, "by": asked.by, "within": _within(asked.entity_type, asked.entity_id)}
    of_account = bool(trait) and store.policy is not None and store.policy.narrow
    if of_account:
        if question.filters or store.policy is None or not store.policy.covers(asked.entity_type, asked.entity_id):
            raise BadQuestion("by", "an account can ask for traits of the people of one entity only, without a filter")
        store = store.within(Policy(question.project_id))
    answer = ask(
        store, "entities/audience.sql", question, shape,
        entity_type=asked.entity_type, entity_id=asked.entity_id, limit=10_000 if of_account else asked.limit,
    )  # fmt: skip
    if not of_account:
        return [answer], answer.structs(AudienceRow)
    groups = {row["value"]: row["persons"] for row in answer.rows()}
    everybody = sum(groups.values())
    shown = large_groups({value: persons for value, persons in groups.items() if value}, everybody)
    rest = everybody - sum(shown.values())
    rows = [AudienceRow(value, persons) for value, persons in shown.items()]
    return [], [*rows, *([AudienceRow("", rest)] if rest else [])][: asked.limit]


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


class ViewBookingsAnswer(msgspec.Struct):
    """The number of viewers (a person counts once for each entity), the number who booked at the time of the view or
    later, and their share (`rate`, 0 to 1; None without viewers).
    """

    viewers: int
    booked: int
    rate: float | None


def view_bookings(
    store: Store, question: Question, asked: ViewBookings, bookings: list[str]
) -> tuple[list[Answer], ViewBookingsAnswer]:
    """Count viewers and bookings. A view belongs to a person by its `user_id` or `anonymous_id`."""
    _no_filter(question)
    answer = ask(
        store, "entities/view_bookings.sql", question, {"within": _within(asked.entity_type, asked.entity_id)},
        entity_type=asked.entity_type, entity_id=asked.entity_id, bookings=bookings,
    )  # fmt: skip
    [row] = answer.rows()
    rate = row["booked"] / row["viewers"] if row["viewers"] else None
    return [answer], ViewBookingsAnswer(row["viewers"], row["booked"], rate)
