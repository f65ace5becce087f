"""The catalogue of questions: their types, the functions that answer them, and the permissions that they need."""

from __future__ import annotations

import math
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
from trackway.analyze.data.rejections import Rejection, Rejections, rejections
from trackway.analyze.data.violations import Violation, Violations, violations
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
from trackway.analyze.language.customer_columns import OF_THE_PRESENT
from trackway.analyze.language.filters import Condition
from trackway.analyze.language.journeys import OF_JOURNEY
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Answer, Question
from trackway.analyze.language.rows import EventRow, SessionRow
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
from trackway.analyze.people.visitors import Visitor, VisitorRow, Visitors, visitor, visitors
from trackway.analyze.traffic.attribution import Attribution, AttributionAnswer, attribution
from trackway.analyze.traffic.breakdown import Breakdown, BreakdownRow, breakdown
from trackway.analyze.traffic.feed import NewestEvents, NewestSessions, newest_events, newest_sessions
from trackway.analyze.traffic.live import Live, LiveAnswer, live
from trackway.analyze.traffic.overview import Overview, OverviewAnswer, overview
from trackway.analyze.traffic.sessions import Sessions, SessionsAnswer, sessions
from trackway.analyze.traffic.sources import METRICS, SourceRow, Sources, sources
from trackway.govern.metric_packs import pack_of
from trackway.govern.saved.preferences import StatedPreferences
from trackway.govern.tables import Project
from trackway.personalize.moves import StageMoves, StageMovesAnswer, stage_moves
from trackway.personalize.person import Personal, Personalize, personalize
from trackway.personalize.predict.answer import PredictionModel, PredictionQuality, prediction_quality
from trackway.personalize.recommend.answer import recommend
from trackway.personalize.recommend.asked import Recommend, Recommendations
from trackway.personalize.recommend.health import Models, ModelVersion, models
from trackway.personalize.recommend.recommender import Recommender
from trackway.personalize.recommend.results import RecommendationResults, SurfaceResult, recommendation_results
from trackway.personalize.results import SuggestionResult, SuggestionResults, suggestion_results
from trackway.store.connection import Store


class EntityFunnel(msgspec.Struct, tag="entity_funnel", tag_field="question", kw_only=True):
    """The standard funnel impression → click → view_details → interest → ticket_click; with `rows`, every step of every
    unit.
    """

    rows: bool = False
    limit: int = 1000
    offset: int = 0


class Asking(NamedTuple):
    """The context in which a question is answered. `earlier` is the period to compare with, if the body names one;
    `preferences` are those that people stated, `recommender` what recommends.
    """

    store: Store
    question: Question
    project: Project
    now: datetime
    preferences: StatedPreferences
    recommender: Recommender
    earlier: Period | None = None


Answered = tuple[list[Answer], Any]


class Entry(NamedTuple):
    """The function that answers a type of question, and the type of its answer: a struct or a list of structs.

    `cached_s` is finite for a question about the present, whose answer changes although nothing is stored: it says for
    how many seconds the answer may be cached.
    """

    answer: Callable[[Asking, Any], Answered]
    type: Any
    cached_s: float = math.inf


_SECOND, _MINUTE = 1.0, 60.0
"""A second for answers that say who is here or which session is active, a minute for those that say which day, week or
month is over. A refused message does not change the version of the data, so rejections and
violations are cached for a second too."""


def _entity_funnel(asking: Asking, asked: EntityFunnel) -> Answered:
    shape = entity_funnel()
    if not asked.rows:
        return funnel(asking.store, asking.question, shape)
    of_rows = FunnelUnits(**msgspec.structs.asdict(shape), rows=True, limit=asked.limit, offset=asked.offset)
    return funnel_units(asking.store, asking.question, of_rows)


def _sources(asking: Asking, asked: Sources) -> Answered:
    metrics = asked.metrics or METRICS
    answer, rows = sources(asking.store, asking.question, asked.by, asking.project.currency, asked.limit, metrics)
    return [answer], rows


def _overview(asking: Asking, _: Overview) -> Answered:
    earlier = asking.earlier or asking.question.period.before(asking.question.timezone, "previous")
    return overview(asking.store, asking.question, earlier, asking.project.currency)


def _breakdown(asking: Asking, asked: Breakdown) -> Answered:
    answer = breakdown(asking.store, asking.question, asked.by, asked.limit)
    return [answer], answer.structs(BreakdownRow)


def _newest_events(asking: Asking, asked: NewestEvents) -> Answered:
    answer = newest_events(asking.store, asking.question, asked.limit, asked.before)
    return [answer], answer.structs(EventRow)


def _newest_sessions(asking: Asking, asked: NewestSessions) -> Answered:
    answer = newest_sessions(asking.store, asking.question, asking.now, asked.limit, asked.before)
    return [answer], answer.structs(SessionRow)


def _rejections(asking: Asking, _: Rejections) -> Answered:
    answer = rejections(asking.store, asking.question)
    return [answer], answer.structs(Rejection)


def _visitors(asking: Asking, asked: Visitors) -> Answered:
    answer, rows = visitors(asking.store, asking.question, asked.search, asked.limit, asked.offset)
    return [answer], rows


class VisitorAnswer(msgspec.Struct):
    """A visitor's profile, with their newest 50 sessions and their newest events."""

    profile: VisitorRow
    sessions: list[SessionRow]
    events: list[EventRow]


def _visitor(asking: Asking, asked: Visitor) -> Answered:
    """Return a visitor; None when nobody has this id."""
    answer, profile = visitor(asking.store, asking.question, asked.visitor_id)
    if profile is None:
        return [answer], None
    own = msgspec.structs.replace(
        asking.question,
        period=Period(profile.first_seen, asking.question.period.end),
        filters=(Condition("visitor_id", "is", (asked.visitor_id,)),),
        bots=True,
    )
    events = newest_events(asking.store, own, asked.limit, asked.before)
    sessions = newest_sessions(asking.store, own, asking.now, 50)
    data = VisitorAnswer(profile, sessions.structs(SessionRow), events.structs(EventRow))
    return [answer, sessions, events], data


def _personalize(asking: Asking, asked: Personalize) -> Answered:
    pack = pack_of(asking.project.metrics)
    return personalize(asking.store, asking.question, asked, pack, asking.preferences, asking.now)


QUESTIONS: dict[type, Entry] = {
    Trend: Entry(lambda a, asked: trend(a.store, a.question, asked, a.project.currency), TrendAnswer),
    Funnel: Entry(lambda a, asked: funnel(a.store, a.question, asked), FunnelAnswer),
    FunnelUnits: Entry(lambda a, asked: funnel_units(a.store, a.question, asked), list[FunnelUnit]),
    EntityFunnel: Entry(_entity_funnel, FunnelAnswer | list[FunnelUnit]),
    Retention: Entry(lambda a, asked: retention(a.store, a.question, asked, a.now), RetentionAnswer, _MINUTE),
    RetentionPeople: Entry(
        lambda a, asked: retention_people(a.store, a.question, asked, a.now), list[RetentionPerson], _MINUTE
    ),
    Lifecycle: Entry(lambda a, asked: lifecycle(a.store, a.question, asked, a.now), LifecycleAnswer, _MINUTE),
    LifecyclePeople: Entry(lambda a, asked: lifecycle_people(a.store, a.question, asked), list[LifecyclePerson]),
    Stickiness: Entry(lambda a, asked: stickiness(a.store, a.question, asked, a.now), StickinessAnswer, _MINUTE),
    Active: Entry(lambda a, asked: active(a.store, a.question, asked), ActiveAnswer),
    CohortSizes: Entry(lambda a, asked: cohort_sizes(a.store, a.question, asked, a.now), CohortSizesAnswer, _MINUTE),
    Paths: Entry(lambda a, asked: paths(a.store, a.question, asked), PathsAnswer),
    Sessions: Entry(lambda a, asked: sessions(a.store, a.question, asked, a.now), SessionsAnswer, _SECOND),
    Sources: Entry(_sources, list[SourceRow]),
    Overview: Entry(_overview, OverviewAnswer),
    Breakdown: Entry(_breakdown, list[BreakdownRow]),
    Live: Entry(lambda a, _: live(a.store, a.question, a.now), LiveAnswer, _SECOND),
    NewestEvents: Entry(_newest_events, list[EventRow]),
    NewestSessions: Entry(_newest_sessions, list[SessionRow], _SECOND),
    Visitors: Entry(_visitors, list[VisitorRow]),
    Visitor: Entry(_visitor, VisitorAnswer | None, _SECOND),
    Persons: Entry(lambda a, asked: persons(a.store, a.question, asked), list[PersonRow]),
    Person: Entry(lambda a, asked: person(a.store, a.question, asked), PersonAnswer | None, _SECOND),
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
    Personalize: Entry(_personalize, Personal | None, 0.0),
    StageMoves: Entry(lambda a, asked: stage_moves(a.store, a.question, asked, a.now), StageMovesAnswer, _MINUTE),
    SuggestionResults: Entry(
        lambda a, asked: suggestion_results(a.store, a.question, asked, pack_of(a.project.metrics)),
        list[SuggestionResult],
    ),
    Recommend: Entry(
        lambda a, asked: recommend(
            a.store, a.question, asked, pack_of(a.project.metrics), a.recommender, a.preferences, a.now
        ),
        Recommendations,
        0.0,
    ),
    RecommendationResults: Entry(
        lambda a, asked: recommendation_results(a.store, a.question, asked, pack_of(a.project.metrics)),
        list[SurfaceResult],
    ),
    Models: Entry(
        lambda a, asked: models(a.recommender.shelf, a.question, asked),
        list[ModelVersion],
        0.0,
    ),
    PredictionQuality: Entry(lambda a, asked: prediction_quality(a.store, a.question, asked), list[PredictionModel]),
    Rejections: Entry(_rejections, list[Rejection], _SECOND),
    Violations: Entry(lambda a, asked: violations(a.store, a.question, asked), list[Violation], _SECOND),
}
"""The function that answers each type of question, and the type of its answer."""
NEEDS: dict[type, str] = {
    Persons: "people", Person: "people", Merges: "people", Sessions: "people", FunnelUnits: "people",
    RetentionPeople: "people", LifecyclePeople: "people", CustomerValue: "people",
    Customers: "people", NewestSessions: "people", Visitors: "people", Visitor: "people", Rejections: "people",
    NewestEvents: "live", EntityViews: "views", TopEntities: "views", Entities: "views",
    Personalize: "personal", Recommend: "personal", Models: "people", SuggestionResults: "people",
    RecommendationResults: "people",
    Violations: "read", Daily: "interactions", Audience: "audience", ViewBookings: "bookings", Year: "year",
}  # fmt: skip
"""The permission that a question needs; `ask` for all others."""
_OF_VIEWS = {"referrer_source": "sources", "country": "audience"}
KINDS: dict[str, type] = {str(msgspec.inspect.type_info(kind).tag): kind for kind in QUESTIONS}  # type: ignore[attr-defined]
COMPARING = (Overview,)
"""Questions that answer for the earlier period themselves, in one statement."""
UNFILTERED: dict[type, str] = {
    Daily: "daily metrics are counted by day only; ask `trend` with a filter",
    EntityViews: "views are counted by hour, place and source only; ask `trend` with a filter",
    Events: "names are counted by hour only; ask `trend` by name with a filter",
    Properties: "the index of properties has no other columns; ask `values` with a filter",
    ValueCheck: "all customers are looked at; ask `customer_value` with a filter",
    Merges: "all merges are listed",
    Person: "the question is about one person",
    Personalize: "the question is about one person",
    Visitor: "the question is about one visitor",
    PredictionQuality: "models predict for everybody",
    Recommend: "the question is about one person or entity",
    Models: "models are not about events; name an `entity_type`",
    Rejections: "refused messages have no columns; they are listed by time",
    Violations: "violations are counted by event, property and library only",
}
"""Questions that take no filter, and the reason."""
TABLES = ("breakdown", "newest_events", "newest_sessions", "visitors", "rejections")
"""Names of questions whose first statement has the rows of the answer: as a file, it keeps the types of its columns."""
SAMPLED = (Trend, Funnel, Retention, Lifecycle, Stickiness, Active)


def needed(asked: Any) -> str:
    """Return the permission that a question needs."""
    if isinstance(asked, Person) and asked.addresses:
        return "manage"
    if isinstance(asked, Views):
        return _OF_VIEWS.get(asked.by, "views")
    return NEEDS.get(type(asked), "ask")


def cached_s(asked: Any, body: str) -> float:
    """Return the seconds for which an answer may be cached while nothing is stored; infinite unless it depends on the
    present.

    Args:
        body: the body as JSON; its filters may compare with the present.
    """
    recent = isinstance(asked, Customers) and asked.interval != "all"
    of_journey = any(f'"{name}{end}' in body for name in OF_JOURNEY for end in '":')
    if recent or of_journey or any(name in body for name in OF_THE_PRESENT):
        return _MINUTE
    return QUESTIONS[type(asked)].cached_s
