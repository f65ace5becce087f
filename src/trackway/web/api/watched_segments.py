"""The people in a segment, and watches: URLs that are notified when people enter or leave a segment. Access:
listing people needs the permission `people`, listing watches `manage`, changing them `control`.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pyarrow as pa
from litestar import Controller, Request, Response, delete, get, post
from litestar.exceptions import NotFoundException

from trackway.analyze.customers.customers import CustomerName, named, people
from trackway.govern.saved.tables import Watch
from trackway.govern.tables import iso_time
from trackway.operate.watched_segments import forget, question_of
from trackway.runtime import Runtime
from trackway.store.connection import Store
from trackway.web.api.ask import Format, as_file
from trackway.web.server.caller import Caller

_CHUNK = 10_000


class NewWatch(msgspec.Struct, forbid_unknown_fields=True):
    """A new watch: the segment (the id of a saved one or the name of a built-in one) and the URL to post to. An omitted
    secret is generated.
    """

    segment: Annotated[str, msgspec.Meta(max_length=100)]
    url: Annotated[str, msgspec.Meta(max_length=2000, pattern="^https?://.+")]
    secret: Annotated[str, msgspec.Meta(max_length=200)] = ""


class WatchShown(msgspec.Struct):
    """A watch. `inside` is the number of people in the segment at the last check; `problem` is why the last
    notification failed. `secret` is shown only when the watch is created.
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
    """The customers who are in a segment now."""

    segment: str
    people: list[CustomerName]


def _shown(watch: Watch, secret: str = "") -> WatchShown:
    return WatchShown(
        watch.id,
        watch.segment,
        watch.url,
        watch.active,
        watch.inside,
        iso_time(watch.last_at),
        watch.problem,
        watch.created_by,
        secret,
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
    ) -> Response[InSegment] | Response[bytes]:
        """List the customers in a segment: `person`, `user_id`, `visitor_id` and `name`; with `format`, as a file."""
        project = request.user.project(project_id)
        question = question_of(runtime.accounts, project, segment, datetime.now(UTC))
        persons = people(store, question)
        rows: list[CustomerName] = []
        for start in range(0, len(persons), _CHUNK):
            rows += named(store, question, persons[start : start + _CHUNK]).values()
        if form == "json":
            return Response(InSegment(segment, rows))
        names = ("person", "user_id", "visitor_id", "name")
        table = pa.table({name: pa.array([getattr(row, name) for row in rows], pa.string()) for name in names})
        return as_file(table, form, segment.replace(":", "-"))

    @get("/watches", opt={"may": "manage"}, sync_to_thread=True)
    def watches(self, project_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime) -> list[WatchShown]:
        """List the project's watches."""
        request.user.project(project_id)
        return [_shown(watch) for watch in runtime.accounts.watches.all(project_id)]

    @post("/watches", opt={"may": "control"}, sync_to_thread=True)
    def add(self, project_id: UUID, data: NewWatch, request: Request[Caller, Any, Any], runtime: Runtime) -> WatchShown:
        """Create a watch. Notifications start with the next check; the people in the segment at that time are the
        starting point.
        """
        question_of(runtime.accounts, request.user.project(project_id), data.segment, datetime.now(UTC))
        runtime.check_outgoing("url", data.url)
        secret = data.secret or secrets.token_urlsafe(32)
        watch = runtime.accounts.watches.add(project_id, request.user.name, secret, segment=data.segment, url=data.url)
        request.user.wrote("watch changed", data.segment, project_id, made=data.url)
        return _shown(watch, secret)

    @delete("/watches/{watch_id:uuid}", opt={"may": "control"}, sync_to_thread=True)
    def remove(self, project_id: UUID, watch_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime) -> None:
        """Remove a watch."""
        if not runtime.accounts.watches.remove(watch_id, project_id):
            raise NotFoundException(f"there is no watch {watch_id}")
        forget(runtime.store, project_id, watch_id)
        request.user.wrote("watch changed", str(watch_id), project_id, removed=True)
