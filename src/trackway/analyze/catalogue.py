"""The catalogue of questions: their types, the functions that answer them, and the permissions that they need."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import msgspec.inspect

from trackway.analyze.behavior.funnel import (
    Funnel,
    FunnelAnswer,
    FunnelUnit,
    FunnelUnits,
    entity_funnel,
    funnel,
    funnel_units,
)
from trackway.analyze.behavior.lifecycle import (
    Lifecycle,
    LifecycleAnswer,
    LifecyclePeople,
    LifecyclePerson,
    lifecycle,
    lifecycle_people,
)
from trackway.analyze.behavior.paths import Paths, PathsAnswer, paths
from trackway.analyze.behavior.retention import (
    Retention,
    RetentionAnswer,
    RetentionPeople,
    RetentionPerson,
    retention,
    retention_people,
)
from trackway.analyze.behavior.stickiness import Active, ActiveAnswer, Stickiness, StickinessAnswer, active, stickiness
from trackway.analyze.behavior.trend import Trend, TrendAnswer, trend
from trackway.analyze.customers.backtest import ValueCheck, ValueCheckAnswer, value_check
from trackway.analyze.customers.customers import Customers, CustomersAnswer, customers
from trackway.analyze.customers.revenue import Revenue, RevenueAnswer, Rfm, RfmAnswer, revenue, rfm
from trackway.analyze.customers.value import CustomerValue, CustomerValueAnswer, customer_value
from trackway.analyze.data.names import (
    EventName,
    Events,
    Properties,
    Property,
    PropertyValue,
    PropertyValues,
    event_names,
    properties,
    values,
)
from trackway.analyze.entities.daily import Daily, DailyRow, daily
from trackway.analyze.entities.views import (
    Audience,
    AudienceRow,
    Entities,
    EntityCounters,
    EntityRow,
    EntityViews,
    TopEntities,
    TopEntity,
    ViewBookings,
    ViewBookingsAnswer,
    Views,
    ViewsRow,
    audience,
    entities,
    entity_views,
    top_entities,
    view_bookings,
    views,
)
from trackway.analyze.entities.year import Year, YearAnswer, year
from trackway.analyze.language.question import Answer, Question
from trackway.analyze.people.cohorts import CohortSizes, CohortSizesAnswer, cohort_sizes
from trackway.analyze.people.persons import (
    Merge,
    Merges,
    Person,
    PersonAnswer,
    PersonRow,
    Persons,
    merges,
    person,
    persons,
)
from trackway.analyze.traffic.attribution import Attribution, AttributionAnswer, attribution
from trackway.analyze.traffic.sessions import Sessions, SessionsAnswer, sessions
from trackway.analyze.traffic.sources import METRICS, SourceRow, Sources, sources
from trackway.govern.metric_packs import pack_of
from trackway.govern.tables import Project
from trackway.store.connection import Store


class EntityFunnel(msgspec.Struct, tag="entity_funnel", tag_field="question", kw_only=True):
    """The standard funnel impression → click → view_details → interest → ticket_click; with `rows`, every step of every
    unit.
    """

    rows: bool = False
    limit: int = 1000
    offset: int = 0


class Asking(NamedTuple):
    """The context in which a question is answered."""

    store: Store
    question: Question
    project: Project
    now: datetime


Answered = tuple[list[Answer], Any]


class Entry(NamedTuple):
    """The function that answers a type of question, and the type of its answer: a struct or a list of structs."""

    answer: Callable[[Asking, Any], Answered]
    type: Any


def _entity_funnel(a: Asking, asked: EntityFunnel) -> Answered:
    shape = entity_funnel()
    if not asked.rows:
        return funnel(a.store, a.question, shape)
    of_rows = FunnelUnits(**msgspec.structs.asdict(shape), rows=True, limit=asked.limit, offset=asked.offset)
    return funnel_units(a.store, a.question, of_rows)


def _sources(a: Asking, asked: Sources) -> Answered:
    metrics = asked.metrics or METRICS
    answer, rows = sources(a.store, a.question, asked.by, a.project.currency, asked.limit, metrics)
    return [answer], rows


QUESTIONS: dict[type, Entry] = {
    Trend: Entry(lambda a, asked: trend(a.store, a.question, asked, a.project.currency), TrendAnswer),
    Funnel: Entry(lambda a, asked: funnel(a.store, a.question, asked), FunnelAnswer),
    FunnelUnits: Entry(lambda a, asked: funnel_units(a.store, a.question, asked), list[FunnelUnit]),
    EntityFunnel: Entry(_entity_funnel, FunnelAnswer | list[FunnelUnit]),
    Retention: Entry(lambda a, asked: retention(a.store, a.question, asked, a.now), RetentionAnswer),
    RetentionPeople: Entry(lambda a, asked: retention_people(a.store, a.question, asked, a.now), list[RetentionPerson]),
    Lifecycle: Entry(lambda a, asked: lifecycle(a.store, a.question, asked, a.now), LifecycleAnswer),
    LifecyclePeople: Entry(lambda a, asked: lifecycle_people(a.store, a.question, asked), list[LifecyclePerson]),
    Stickiness: Entry(lambda a, asked: stickiness(a.store, a.question, asked, a.now), StickinessAnswer),
    Active: Entry(lambda a, asked: active(a.store, a.question, asked), ActiveAnswer),
    CohortSizes: Entry(lambda a, asked: cohort_sizes(a.store, a.question, asked, a.now), CohortSizesAnswer),
    Paths: Entry(lambda a, asked: paths(a.store, a.question, asked), PathsAnswer),
    Sessions: Entry(lambda a, asked: sessions(a.store, a.question, asked, a.now), SessionsAnswer),
    Sources: Entry(_sources, list[SourceRow]),
    Persons: Entry(lambda a, asked: persons(a.store, a.question, asked), list[PersonRow]),
    Person: Entry(lambda a, asked: person(a.store, a.question, asked), PersonAnswer | None),
    Merges: Entry(lambda a, asked: merges(a.store, a.question, asked), list[Merge]),
    Events: Entry(lambda a, asked: event_names(a.store, a.question, asked), list[EventName]),
    Audience: Entry(lambda a, asked: audience(a.store, a.question, asked), list[AudienceRow]),
    ViewBookings: Entry(
        lambda a, asked: view_bookings(a.store, a.question, asked, pack_of(a.project.metrics).bookings),
        ViewBookingsAnswer,
    ),
    EntityViews: Entry(lambda a, asked: entity_views(a.store, a.question, asked), list[EntityCounters]),
    Views: Entry(lambda a, asked: views(a.store, a.question, asked), list[ViewsRow]),
    Daily: Entry(lambda a, asked: daily(a.store, a.question, asked, pack_of(a.project.metrics)), list[DailyRow]),
    Entities: Entry(lambda a, asked: entities(a.store, a.question, asked), list[EntityRow]),
    TopEntities: Entry(lambda a, asked: top_entities(a.store, a.question, asked), list[TopEntity]),
    Revenue: Entry(lambda a, asked: revenue(a.store, a.question, asked, a.project.currency), RevenueAnswer),
    Rfm: Entry(lambda a, asked: rfm(a.store, a.question, asked, a.project.currency), RfmAnswer),
    Attribution: Entry(lambda a, asked: attribution(a.store, a.question, asked, a.project.currency), AttributionAnswer),
    ValueCheck: Entry(lambda a, asked: value_check(a.store, a.question, asked), ValueCheckAnswer),
    Customers: Entry(lambda a, asked: customers(a.store, a.question, asked, a.project.currency), CustomersAnswer),
    CustomerValue: Entry(
        lambda a, asked: customer_value(a.store, a.question, asked, a.project.currency), CustomerValueAnswer
    ),
    Year: Entry(lambda a, asked: year(a.store, a.question, asked, pack_of(a.project.metrics).bookings), YearAnswer),
    Properties: Entry(lambda a, asked: properties(a.store, a.question, asked), list[Property]),
    PropertyValues: Entry(lambda a, asked: values(a.store, a.question, asked), list[PropertyValue]),
}
"""The function that answers each type of question, and the type of its answer."""
NEEDS: dict[type, str] = {
    Persons: "people", Person: "people", Merges: "people", Sessions: "people", FunnelUnits: "people",
    RetentionPeople: "people", LifecyclePeople: "people", CustomerValue: "people",
    Customers: "people",
    EntityViews: "views", TopEntities: "views", Entities: "views",
    Daily: "interactions", Audience: "audience", ViewBookings: "bookings", Year: "year",
}  # fmt: skip
"""The permission that a question needs; `ask` for all others."""
_OF_VIEWS = {"referrer_source": "sources", "country": "audience"}
KINDS: dict[str, type] = {str(msgspec.inspect.type_info(kind).tag): kind for kind in QUESTIONS}  # type: ignore[attr-defined]
SAMPLED = (Trend, Funnel, Retention, Lifecycle, Stickiness, Active)


def needed(asked: Any) -> str:
    """Return the permission that a question needs."""
    if isinstance(asked, Person) and asked.addresses:
        return "manage"
    if isinstance(asked, Views):
        return _OF_VIEWS.get(asked.by, "views")
    return NEEDS.get(type(asked), "ask")
