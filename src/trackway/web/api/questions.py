"""Questions of `analyze/` as single addresses. Who may call: callers with the permission in `opt["may"]` of each
handler.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import Parameter

from trackway.analyze.behavior.trend import Trend, TrendAnswer, trend
from trackway.analyze.data import free_sql
from trackway.analyze.data.missing_values import lacking
from trackway.analyze.data.rejections import rejections
from trackway.analyze.desk import Desk, saved_filter
from trackway.analyze.language.filters import Condition, inlined, read
from trackway.analyze.language.period import Interval, Period, period
from trackway.analyze.language.question import Answer, Question
from trackway.analyze.language.series import Series
from trackway.analyze.people.visitors import visitor, visitors
from trackway.analyze.traffic.breakdown import breakdown
from trackway.analyze.traffic.feed import newest_events, newest_sessions
from trackway.analyze.traffic.live import live
from trackway.analyze.traffic.overview import overview
from trackway.analyze.traffic.sources import sources
from trackway.govern.tables import Project
from trackway.runtime import Runtime
from trackway.store.connection import Store
from trackway.web.api.ask import Format, as_file
from trackway.web.server.caller import SOMEBODY, Caller

Limit = Annotated[int, Parameter(ge=1, le=1000)]


class Asked(msgspec.Struct):
    """A question and its project."""

    project: Project
    question: Question
    before: Period
    now: datetime


def asked(
    project_id: UUID,
    request: Request[Caller, Any, Any],
    period_name: Annotated[str, Parameter(query="period", description="today, 7d, 30d, …")] = "30d",
    since: Annotated[str, Parameter(query="from", description="first day, YYYY-MM-DD")] = "",
    until: Annotated[str, Parameter(query="to", description="last day, YYYY-MM-DD")] = "",
    compare: Literal["previous", "year"] = "previous",
    filters: Annotated[
        list[str] | None,
        Parameter(query="filter", description=r"column:operator:value|value, repeatable; \| is a | of a value"),
    ] = None,
    bots: bool = False,
    *,
    runtime: Runtime,
) -> Asked:
    """Parse the parameters that every question has."""
    project = request.user.project(project_id)
    now = datetime.now(UTC)
    stretch = period(period_name, project.timezone, now, since, until)
    nodes = (
        read(inlined(text, lambda one: saved_filter(runtime.accounts.saved, project_id, one))) for text in filters or []
    )
    question = Question.of(project, stretch, *nodes, bots=bots)
    return Asked(project, question, stretch.before(project.timezone, compare), now)


def _shown(answer: Answer, data: object, asked: Asked | None = None, store: Store | None = None) -> dict[str, Any]:
    """Build an answer with its query, so that every number can be traced, and with notes on filters that match
    nothing.
    """
    shown: dict[str, Any] = {"data": data, "query": answer.opened()}
    if asked is not None:
        shown["period"] = {"from": asked.question.period.start, "to": asked.question.period.end}
        shown["before"] = {"from": asked.before.start, "to": asked.before.end}
        if asked.question.filters and store is not None and (notes := lacking(store, asked.question)):
            shown["notes"] = notes
    return shown


class Questions(Controller):
    """`/api/v1/projects/{project_id}/…`"""

    path = "/api/v1/projects/{project_id:uuid}"
    tags = ("questions",)

    @get("/overview", opt={"may": "ask"}, sync_to_thread=True)
    def overview(self, asked: Asked, store: Store) -> dict[str, Any]:
        """Return visitors, sessions, page views, bounce rate, duration, events and revenue, compared with another
        period.
        """
        answer, totals = overview(store, asked.question, asked.before, asked.project.currency)
        return _shown(answer, totals, asked, store)

    @get("/trend", opt={"may": "ask"}, sync_to_thread=True)
    def trend(self, asked: Asked, store: Store, metric: str = "visitors", interval: Interval = "day") -> dict[str, Any]:
        """Return one metric by hour, day, week or month, with the period before."""
        shape = Trend(series=[Series(metric=metric)], interval=interval)
        answers, drawn = trend(store, asked.question, shape, asked.project.currency)
        earlier = msgspec.structs.replace(asked.question, period=asked.before)
        _, previous = trend(store, earlier, shape, asked.project.currency)
        return _shown(answers[0], {"points": _points(drawn), "previous": _points(previous)}, asked, store)

    @get("/breakdown", opt={"may": "ask"}, sync_to_thread=True)
    def breakdown(
        self, asked: Asked, store: Store, by: str, limit: Limit = 10, form: Format = "json"
    ) -> dict[str, Any] | Response[bytes]:
        """Count visitors and events (or sessions) by any column or property."""
        answer = breakdown(store, asked.question, by, limit)
        return _shown(answer, answer.rows(), asked, store) if form == "json" else as_file(answer.table, form, by)

    @get("/sources", opt={"may": "ask"}, sync_to_thread=True)
    def sources(
        self,
        asked: Asked,
        store: Store,
        by: list[str] | None = None,
        limit: Limit = 100,
        form: Format = "json",
    ) -> dict[str, Any] | Response[bytes]:
        """Count sessions by source, with conversions and revenue."""
        columns = by or ["channel", "source", "medium"]
        answer, rows = sources(store, asked.question, columns, asked.project.currency, limit)
        return _shown(answer, rows, asked, store) if form == "json" else as_file(answer.table, form, "sources")

    @get("/events", opt={"may": "live"}, sync_to_thread=True)
    def events(
        self,
        asked: Asked,
        store: Store,
        limit: Limit = 100,
        before: datetime | None = None,
        form: Format = "json",
    ) -> dict[str, Any] | Response[bytes]:
        """List the newest events, or the newest before a time."""
        answer = newest_events(store, asked.question, limit, before)
        return _shown(answer, answer.rows(), asked, store) if form == "json" else as_file(answer.table, form, "events")

    @get("/sessions", opt={"may": "people"}, sync_to_thread=True)
    def sessions(
        self,
        asked: Asked,
        store: Store,
        limit: Limit = 50,
        before: datetime | None = None,
        form: Format = "json",
    ) -> dict[str, Any] | Response[bytes]:
        """List the newest sessions, or the newest before a time."""
        answer = newest_sessions(store, asked.question, asked.now, limit, before)
        return (
            _shown(answer, answer.rows(), asked, store) if form == "json" else as_file(answer.table, form, "sessions")
        )

    @get("/visitors", opt={"may": "people"}, sync_to_thread=True)
    def visitors(
        self,
        asked: Asked,
        store: Store,
        search: str = "",
        limit: Limit = 50,
        offset: Annotated[int, Parameter(ge=0, le=1_000_000)] = 0,
        form: Format = "json",
    ) -> dict[str, Any] | Response[bytes]:
        """List the visitors of the period, the last seen first."""
        answer, rows = visitors(store, asked.question, search, limit, offset)
        return _shown(answer, rows, asked, store) if form == "json" else as_file(answer.table, form, "visitors")

    @get("/visitor", opt={"may": "people"}, sync_to_thread=True)
    def visitor(
        self,
        asked: Asked,
        store: Store,
        visitor_id: Annotated[str, Parameter(query="id")],
        limit: Limit = 200,
        before: datetime | None = None,
    ) -> dict[str, Any]:
        """Return one visitor, bot or not: totals, sessions and the timeline of events."""
        answer, profile = visitor(store, asked.question, visitor_id)
        if profile is None:
            raise NotFoundException(f"there is no visitor {visitor_id}")
        stretch = Period(profile["first_seen"], asked.question.period.end)
        own = msgspec.structs.replace(
            asked.question, period=stretch, filters=(Condition("visitor_id", "is", (visitor_id,)),), bots=True
        )
        events = newest_events(store, own, limit, before)
        sessions = newest_sessions(store, own, asked.now, 50)
        data = {"profile": profile, "sessions": sessions.rows(), "events": events.rows()}
        return _shown(answer, data)

    @get("/live", opt={"may": "ask"}, sync_to_thread=True)
    def live(self, asked: Asked, store: Store) -> dict[str, Any]:
        """Return the visitors who are active now, and the last half hour by minute."""
        answer, data = live(store, asked.question, asked.now)
        return _shown(answer, data)

    @get("/version", opt={"may": SOMEBODY}, sync_to_thread=True)
    def version(self, project_id: UUID, request: Request[Caller, Any, Any], desk: Desk) -> dict[str, int]:
        """Return a number that grows when something new is stored: answers are current until it changes."""
        request.user.project(project_id)
        return {"version": sum(desk.version(project_id))}

    @get("/rejections", opt={"may": "people"}, sync_to_thread=True)
    def rejections(self, project_id: UUID, request: Request[Caller, Any, Any], store: Store) -> list[dict[str, Any]]:
        """List the newest 100 refused messages of the last 7 days, with the reasons."""
        now = datetime.now(UTC)
        return rejections(store, Question.of(request.user.project(project_id), Period(now, now))).rows()

    @post("/query", opt={"may": "sql"}, status_code=200, sync_to_thread=True)
    def query(
        self,
        data: Statement,
        store: Store,
        form: Format = "json",
    ) -> dict[str, Any] | Response[bytes]:
        """Run one SELECT over the rows that the caller sees."""
        answer = free_sql.query(store, data.sql)
        return _shown(answer, answer.rows()) if form == "json" else as_file(answer.table, form, "query")


def _points(drawn: TrendAnswer) -> list[dict[str, Any]]:
    return [{"at": at, "value": value} for at, value in zip(drawn.moments, drawn.series[0].points, strict=True)]


class Statement(msgspec.Struct):
    """A statement in the engine's SQL."""

    sql: Annotated[str, msgspec.Meta(max_length=100_000)]
