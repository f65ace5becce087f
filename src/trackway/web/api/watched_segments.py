"""Segments of customers as they are used outside: who is in one, and who is told of people who enter or leave it."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pyarrow as pa
from litestar import Controller, Request, Response, delete, get, post
from litestar.exceptions import NotFoundException

from trackway.analyze.customers.customers import named, people
from trackway.govern.tables import Watch, said
from trackway.operate.watched_segments import question_of
from trackway.runtime import Runtime
from trackway.store.connection import Store
from trackway.web.api.ask import Format, as_file
from trackway.web.server.caller import Caller

_CHUNK = 10_000


class NewWatch(msgspec.Struct, forbid_unknown_fields=True):
    """Which segment (a saved one's id, or a ready one's), and where to post to. A secret is invented when left away."""

    segment: Annotated[str, msgspec.Meta(max_length=100)]
    url: Annotated[str, msgspec.Meta(max_length=2000, pattern="^https?://.+")]
    secret: Annotated[str, msgspec.Meta(max_length=200)] = ""


class WatchShown(msgspec.Struct):
    """A watch: how many were `inside` at the last look, and why the last change could not be told. `secret` is shown
    only when it is made.
    """

    id: str
    segment: str
    url: str
    active: bool
    inside: int | None
    last_at: str | None
    problem: str
    created_by: str
    secret: str = ""


class InSegment(msgspec.Struct):
    """Customers who are in a segment at this moment."""

    segment: str
    people: list[dict[str, str]]


def _shown(one: Watch, secret: str = "") -> WatchShown:
    return WatchShown(
        one.id, one.segment, one.url, one.active, one.inside, said(one.last_at), one.problem, one.created_by, secret
    )


class Watches(Controller):
    """`/api/v1/projects/{project_id}/watches` and `/segments/{segment}/people`"""

    path = "/api/v1/projects/{project_id:uuid}"
    tags = ("customers",)

    @get("/segments/{segment:str}/people", opt={"may": "people"}, sync_to_thread=True)
    def people(
        self,
        project_id: UUID,
        segment: str,
        request: Request[Caller, Any, Any],
        runtime: Runtime,
        store: Store,
        form: Format = "json",
    ) -> Response[Any]:
        """Who is in a segment, of the customers: `person`, `user_id`, `visitor_id`, `name`; as a file too."""
        project = request.user.project(project_id)
        question = question_of(runtime.accounts, project, segment, datetime.now(UTC))
        persons = people(store, question)
        rows: list[dict[str, str]] = []
        for start in range(0, len(persons), _CHUNK):
            rows += named(store, question, persons[start : start + _CHUNK]).values()
        if form == "json":
            return Response(InSegment(segment, rows))
        names = ("person", "user_id", "visitor_id", "name")
        table = pa.table({name: pa.array([row[name] for row in rows], pa.string()) for name in names})
        return as_file(table, form, segment.replace(":", "-"))

    @get("/watches", opt={"may": "manage"}, sync_to_thread=True)
    def every(self, project_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime) -> list[WatchShown]:
        """Who is told of people who enter or leave a segment."""
        request.user.project(project_id)
        return [_shown(one) for one in runtime.accounts.watches.every(project_id)]

    @post("/watches", opt={"may": "control"}, sync_to_thread=True)
    def make(
        self, project_id: UUID, data: NewWatch, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> WatchShown:
        """Have an address told from the next look on; who is inside then is where it begins."""
        question_of(runtime.accounts, request.user.project(project_id), data.segment, datetime.now(UTC))
        runtime.check_outgoing("url", data.url)
        secret = data.secret or secrets.token_urlsafe(32)
        made = runtime.accounts.watches.add(project_id, request.user.name, secret, segment=data.segment, url=data.url)
        request.user.wrote("watch changed", data.segment, project_id, made=data.url)
        return _shown(made, secret)

    @delete("/watches/{watch_id:uuid}", opt={"may": "control"}, sync_to_thread=True)
    def remove(self, project_id: UUID, watch_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime) -> None:
        """Tell an address nothing more."""
        if not runtime.accounts.watches.remove(watch_id, project_id):
            raise NotFoundException(f"there is no watch {watch_id}")
        runtime.store.change(
            "ALTER TABLE watch_members DELETE WHERE project_id = {project:UUID} AND watch_id = {watch:UUID}",
            {"project": project_id, "watch": watch_id},
        )
        request.user.wrote("watch changed", str(watch_id), project_id, removed=True)
