"""Customers for host pages: who visitors are, a hundred at once, and where sessions come from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, get, post
from litestar.params import Parameter

from trackway.analyze.period import BadQuestion, Period, period
from trackway.analyze.question import Question
from trackway.analyze.sources import sources
from trackway.analyze.visitors import MOST_LOOKED_UP, profiles
from trackway.store.connection import Store
from trackway.web.caller import Caller


class Ids(msgspec.Struct, forbid_unknown_fields=True):
    """Whose profiles: anonymous ids, 100 at most."""

    ids: list[str]


class Profile(msgspec.Struct):
    """A visitor: friendly name, when first and last seen, sessions and events over all time."""

    visitor_id: str
    visitor_name: str
    first_seen: datetime
    last_seen: datetime
    sessions: int
    events: int
    page_views: int
    bot: str


class TrafficSource(msgspec.Struct):
    """Where sessions come from: how many, and which share of all (0 to 1)."""

    channel: str
    source: str
    medium: str
    sessions: int
    share: float


class Customers(Controller):
    """`/api/v1/projects/{project_id}/profiles/lookup` and `/traffic-sources`"""

    path = "/api/v1/projects/{project_id:uuid}"
    tags = ("customers",)

    @post("/profiles/lookup", opt={"may": "people"}, status_code=200, sync_to_thread=True)
    def look(self, project_id: UUID, data: Ids, request: Request[Caller, Any, Any], store: Store) -> dict[str, Profile]:
        """Profiles by anonymous id, as of this moment; who was never seen is left out."""
        if not 1 <= len(data.ids) <= MOST_LOOKED_UP:
            raise BadQuestion("ids", f"are 1 to {MOST_LOOKED_UP}")
        now = datetime.now(UTC)
        question = Question(
            project_id=project_id, period=Period(now - timedelta(days=1), now),
            timezone=request.user.project(project_id).timezone, bots=True,
        )  # fmt: skip
        found = profiles(store, question, data.ids)
        return {one: msgspec.convert(row, Profile) for one, row in found.items()}

    @get("/traffic-sources", opt={"may": "ask"}, sync_to_thread=True)
    def traffic_sources(
        self,
        project_id: UUID,
        request: Request[Caller, Any, Any],
        store: Store,
        days: Literal[7, 30, 90] = 30,
        limit: Annotated[int, Parameter(ge=1, le=100)] = 10,
    ) -> list[TrafficSource]:
        """Where the sessions of the last days come from, the most first; bots are left out."""
        project = request.user.project(project_id)
        stretch = period(f"{days}d", project.timezone, datetime.now(UTC))
        question = Question(
            project_id=project_id, period=stretch, timezone=project.timezone, goals=tuple(project.goals),
            humans=tuple(project.humans),
        )  # fmt: skip
        by = ["channel", "source", "medium"]
        _, rows = sources(store, question, by, project.currency, 10_000, ("sessions",))
        every = sum(row["sessions"] for row in rows)
        return [TrafficSource(**row, share=row["sessions"] / every if every else 0.0) for row in rows[:limit]]
