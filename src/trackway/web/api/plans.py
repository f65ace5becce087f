"""The tracking plan of a project, its versions and its violations.

Access: members of the project and its secret key; only owners and administrators write a version.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, get, put
from litestar.exceptions import NotFoundException
from litestar.params import Parameter

from trackway.analyze.data.violations import Violation
from trackway.analyze.language.question import Query
from trackway.govern.plans.plan import Plan, read
from trackway.runtime import Runtime
from trackway.web.api.ask import AtDesk
from trackway.web.api.question_parameters import Common, Limit
from trackway.web.server.caller import Caller

Version = Annotated[int | None, Parameter(ge=1, le=2**31 - 1)]


class PlanShown(msgspec.Struct):
    """One version of a plan."""

    version: int
    plan: Plan
    created_by: str = ""
    created_at: datetime | None = None


class VersionShown(msgspec.Struct):
    """A version of a plan: its author, its time, and the number of its events."""

    version: int
    created_by: str
    created_at: datetime
    events: int


class ViolationShown(Violation, kw_only=True):
    """A violation, with the owner of the event."""

    owner: str


class ViolationsShown(msgspec.Struct):
    """The violations of a period, and the statement that counted them."""

    data: list[ViolationShown]
    query: Query


class TrackingPlan(Controller):
    """`/api/v1/projects/{project_id}/plan`"""

    path = "/api/v1/projects/{project_id:uuid}/plan"
    tags = ("tracking plan",)

    @get("/", opt={"may": "read"}, sync_to_thread=True)
    def plan(
        self, project_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime, version: Version = None
    ) -> PlanShown:
        """Return the plan in force (version 0, empty, when there is none), or one of its versions."""
        request.user.project(project_id)
        written = runtime.accounts.plans.written(project_id, version)
        if written is not None:
            plan = msgspec.convert(written.body, Plan)
            return PlanShown(written.version, plan, written.created_by, written.created_at.replace(tzinfo=UTC))
        if version is not None:
            raise NotFoundException(f"there is no version {version} of the plan")
        return PlanShown(0, Plan())

    @get("/versions", opt={"may": "read"}, sync_to_thread=True)
    def versions(self, project_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime) -> list[VersionShown]:
        """List every version, the newest first, with author and time."""
        request.user.project(project_id)
        return [
            VersionShown(
                written.version,
                written.created_by,
                written.created_at.replace(tzinfo=UTC),
                len(written.body.get("events", {})),
            )
            for written in runtime.accounts.plans.versions(project_id)
        ]

    @put("/", opt={"may": "control"}, sync_to_thread=True)
    def write(self, project_id: UUID, data: Plan, request: Request[Caller, Any, Any], runtime: Runtime) -> PlanShown:
        """Write a new version of the plan; messages are checked against it within seconds."""
        request.user.project(project_id)
        plan = read(msgspec.json.encode(data))
        version = runtime.accounts.plans.write(project_id, plan, request.user.name)
        request.user.wrote("plan written", f"version {version}", project_id)
        return PlanShown(version, plan, request.user.name)

    @get("/violations", opt={"may": "read"})
    async def violations(
        self, project_id: UUID, common: Common, at_desk: AtDesk, runtime: Runtime, limit: Limit = 100
    ) -> ViolationsShown:
        """Count violations of the plan, by event (with its owner), property and version of the library."""
        reply = await at_desk.answer({"question": "violations", **common.body(), "limit": limit})
        current = await asyncio.to_thread(runtime.accounts.plans.current, project_id)
        owners = {name: event.owner for name, event in current[1].events.items()} if current else {}
        rows = [
            ViolationShown(**msgspec.structs.asdict(row), owner=owners.get(row.event, ""))
            for row in msgspec.json.decode(reply.data, type=list[Violation])
        ]
        return ViolationsShown(rows, reply.queries[0])
