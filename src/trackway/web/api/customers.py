"""The list of customers; and for pages of the host: profiles of up to 100 visitors, and traffic sources."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, get, post
from litestar.params import Parameter

from trackway.analyze.customers.customers import SORTS, CustomerRow, CustomersAnswer, Interval
from trackway.analyze.desk import Desk
from trackway.analyze.language.money import Money
from trackway.analyze.language.period import BadQuestion, Period
from trackway.analyze.language.question import Question
from trackway.analyze.people.visitors import MOST_LOOKED_UP, profiles
from trackway.analyze.traffic.sources import SourceRow
from trackway.store.connection import Store
from trackway.web.api.ask import AtDesk, desk_of
from trackway.web.server.caller import SOMEBODY, Caller

Page = Annotated[int, Parameter(ge=1, le=100_000)]
PageSize = Annotated[int, Parameter(query="pageSize", ge=1, le=500)]
SortBy = Annotated[str, Parameter(query="sortBy", description=", ".join(SORTS))]
SortOrder = Annotated[Literal["asc", "desc"], Parameter(query="sortOrder")]
Until = Annotated[
    str, Parameter(query="to", description="the last day to count, such as 2026-01-31; today when it is empty")
]
Search = Annotated[str, Parameter(max_length=200)]


class Ids(msgspec.Struct, forbid_unknown_fields=True):
    """The anonymous ids to look up, 100 at most, under either name."""

    ids: list[str] = []
    anonymousIds: list[str] = []  # noqa: N815 - as callers have it


class Profile(msgspec.Struct):
    """A visitor: friendly name (also as `displayName`), times of the first and last event, and the number of sessions
    and events over all time.
    """

    visitor_id: str
    visitor_name: str
    displayName: str  # noqa: N815 - as callers have it
    first_seen: datetime
    last_seen: datetime
    sessions: int
    events: int
    page_views: int
    bot: str


class TrafficSource(msgspec.Struct):
    """A traffic source: its number and share of sessions (0 to 1), its conversions and its revenue.

    `revenue` is in the project's currency; revenue in other currencies is in `other_revenue`, by currency.
    """

    channel: str
    source: str
    medium: str
    campaign: str
    sessions: int
    share: float
    conversions: int
    revenue: float
    currency: str
    other_revenue: list[Money]


class CustomerPage(msgspec.Struct):
    """A page of the list of customers; the rows are those of the question `customers`."""

    interval: str
    sort_by: str
    sort_order: str
    page: int
    page_size: int
    customers: int
    currency: str
    rows: list[CustomerRow]


async def _page(
    desk: AtDesk, interval: Interval, sort: str, order: str, page: int, size: int, search: str, until: str
) -> CustomerPage:
    reply = await desk.answer({
        "question": "customers", "period": "all", "from": "2000-01-01" if until else "", "to": until,
        "interval": interval, "sort": sort, "descending": order == "desc", "search": search,
        "limit": size, "offset": (page - 1) * size,
    })  # fmt: skip
    answer = msgspec.json.decode(reply.data, type=CustomersAnswer)
    return CustomerPage(interval, sort, order, page, size, answer.customers, answer.currency, answer.rows)


class CustomerMetrics(Controller):
    """`/api/customers/metrics`: the list of customers of the secret key's project."""

    path = "/api/customers/metrics"
    tags = ("customers",)

    @get("/", opt={"may": SOMEBODY})
    async def metrics(
        self,
        request: Request[Caller, Any, Any],
        desk: Desk,
        interval: Interval = "all",
        sort_by: SortBy = "sessions",
        sort_order: SortOrder = "desc",
        page: Page = 1,
        page_size: PageSize = 50,
        search: Search = "",
        until: Until = "",
        project: Annotated[UUID | None, Parameter(description="the project, for callers who see several")] = None,
    ) -> CustomerPage:
        """List customers, sorted. Access: callers with the permission `people`. A caller who sees several
        projects must name one.
        """
        caller, projects = request.user, request.user.projects()
        if project is None and len(projects) != 1:
            raise BadQuestion("project", f"name one of your {len(projects)} projects")
        chosen = projects[0] if project is None else caller.project(project)
        caller.need(chosen, "people")
        own_desk = await desk_of(chosen, request, desk)
        return await _page(own_desk, interval, sort_by, sort_order, page, page_size, search, until)


class Customers(Controller):
    """`/api/v1/projects/{project_id}/customers`, `/profiles/lookup` and `/traffic-sources`"""

    path = "/api/v1/projects/{project_id:uuid}"
    tags = ("customers",)

    @get("/customers", opt={"may": "people"})
    async def customers(
        self,
        at_desk: AtDesk,
        interval: Interval = "all",
        sort_by: SortBy = "sessions",
        sort_order: SortOrder = "desc",
        page: Page = 1,
        page_size: PageSize = 50,
        search: Search = "",
        until: Until = "",
    ) -> CustomerPage:
        """List customers, sorted. With an interval, only customers who were active in it are listed, and only that
        interval is counted.
        """
        return await _page(at_desk, interval, sort_by, sort_order, page, page_size, search, until)

    @post("/profiles/lookup", opt={"may": "people"}, status_code=200, sync_to_thread=True)
    def look(self, project_id: UUID, data: Ids, request: Request[Caller, Any, Any], store: Store) -> dict[str, Profile]:
        """Look up the current profiles of visitors, by anonymous id; unknown ids are left out."""
        # Not at the desk: a page of the host waits for this look-up by key, and so it must not wait for a slot behind
        # slow questions of the same project.
        ids = data.ids + data.anonymousIds
        if not 1 <= len(ids) <= MOST_LOOKED_UP:
            field = "anonymousIds" if data.anonymousIds else "ids"
            raise BadQuestion(field, f"are 1 to {MOST_LOOKED_UP}")
        now = datetime.now(UTC)
        project = request.user.project(project_id)
        question = Question.of(project, Period(now - timedelta(days=1), now), bots=True)
        profiles_by_id = profiles(store, question, ids)
        return {
            visitor_id: msgspec.convert({**row, "displayName": row["visitor_name"]}, Profile)
            for visitor_id, row in profiles_by_id.items()
        }

    @get("/traffic-sources", opt={"may": "ask"})
    async def traffic_sources(
        self,
        at_desk: AtDesk,
        days: Literal[7, 30, 90] = 30,
        limit: Annotated[int, Parameter(ge=1, le=1000)] = 50,
    ) -> list[TrafficSource]:
        """List the sources of the sessions of the last days, the largest first; without bots."""
        reply = await at_desk.answer({
            "question": "sources", "period": f"{days}d", "limit": 10_000,
            "by": ["channel", "source", "medium", "campaign"], "metrics": ["sessions", "conversions", "revenue"],
        })  # fmt: skip
        rows = msgspec.json.decode(reply.data, type=list[SourceRow])
        sessions = sum(row.sessions or 0 for row in rows)
        return [_source(row, sessions, at_desk.project.currency) for row in rows[:limit]]


def _source(row: SourceRow, sessions: int, currency: str) -> TrafficSource:
    own_revenue = sum(amount.amount for amount in row.revenue or [] if amount.currency == currency)
    return TrafficSource(
        channel=row.channel or "", source=row.source or "", medium=row.medium or "", campaign=row.campaign or "",
        sessions=row.sessions or 0, share=(row.sessions or 0) / sessions if sessions else 0.0,
        conversions=row.conversions or 0, revenue=float(own_revenue), currency=currency,
        other_revenue=[amount for amount in row.revenue or [] if amount.currency != currency],
    )  # fmt: skip
