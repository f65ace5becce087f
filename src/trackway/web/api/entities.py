"""The register of entities (names, owners, parents), and their view counters."""

from __future__ import annotations

import codecs
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, delete, get, patch, post, put
from litestar.exceptions import NotFoundException

from trackway.analyze.entities.views import MOST_LOOKED_UP
from trackway.analyze.language.period import BadQuestion
from trackway.collect.views.ledger import Total, entity_key
from trackway.govern.metric_packs import Pack, pack_of
from trackway.operate.view_totals import recount_day, refresh_views
from trackway.runtime import Runtime
from trackway.store.entities import MOST_AT_ONCE, BadEntity, Entity, Notify, from_table
from trackway.web.server.caller import SOMEBODY, Caller


class Registered(msgspec.Struct):
    """The number of entities that were registered."""

    registered: int


class Privacy(msgspec.Struct, forbid_unknown_fields=True):
    """Changes to an entity: whether its counts are hidden from the public, and how its owners are notified of views.
    Omitted fields stay as they are.
    """

    hidden: bool | None = None
    notify: Notify | msgspec.UnsetType | None = msgspec.UNSET


class EntitiesOfProject(Controller):
    """`/api/v1/projects/{project_id}/entities`: reading needs the permission `views`; writing needs `manage` (owners,
    administrators, the secret key). The list of entities with their views is the question `entities` of `/ask`.
    """

    path = "/api/v1/projects/{project_id:uuid}/entities"
    tags = ("entities",)

    @put("/", opt={"may": "manage"}, sync_to_thread=True)
    def write(
        self, project_id: UUID, data: list[Entity], request: Request[Caller, Any, Any], runtime: Runtime
    ) -> Registered:
        """Register up to 1,000 entities; an earlier entry of the same entity is replaced."""
        request.user.project(project_id)
        for webhook in {entity.notify.webhook for entity in data if entity.notify and entity.notify.webhook}:
            runtime.check_outgoing("notify.webhook", webhook)
        written = runtime.register.write(project_id, data, request.user.name)
        request.user.wrote("register changed", f"{written} entities", project_id)
        return Registered(written)

    @post("/csv", opt={"may": "manage"}, status_code=200, request_max_body_size=100 * 1024 * 1024)
    async def table(self, project_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime) -> Registered:
        """Register the entities of a CSV body with the columns type, id, name, owners, parents (separated by |), hidden
        and deleted.

        Other columns become attributes. If a line is invalid, it is named, and nothing is registered.
        """
        request.user.project(project_id)
        try:
            text = codecs.decode(await request.body(), "utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadEntity(f"the file is not UTF-8: {error}") from error
        entities = from_table(text.splitlines(keepends=True))
        for start in range(0, len(entities), MOST_AT_ONCE):
            runtime.register.write(project_id, entities[start : start + MOST_AT_ONCE], request.user.name)
        request.user.wrote("register changed", f"{len(entities)} entities of a file", project_id)
        return Registered(len(entities))

    @get("/{entity_type:str}/{entity_id:path}", opt={"may": "views"}, sync_to_thread=True)
    def entity(
        self, project_id: UUID, entity_type: str, entity_id: str, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> Entity:
        """Return an entity of the register. For an account: `owners` contains only the account itself, and `notify` is
        omitted unless the entity is directly the account's own.
        """
        caller, project = request.user, request.user.project(project_id)
        if not caller.policy(project).covers(entity_type, entity_id.removeprefix("/")):
            raise NotFoundException(f"there is no {entity_type} {entity_id.removeprefix('/')!r} in the register")
        entity = _read(runtime, project_id, entity_type, entity_id)
        if (account := caller.account(project)) is not None and account.type != "admin":
            entity.owners = [owner for owner in entity.owners if owner == account.id]
            entity.notify = entity.notify if (entity.type, entity.id) in caller.own_entities(project) else None
        return entity

    @patch("/{entity_type:str}/{entity_id:path}", opt={"may": "manage"}, sync_to_thread=True)
    def hide(
        self,
        project_id: UUID,
        entity_type: str,
        entity_id: str,
        data: Privacy,
        request: Request[Caller, Any, Any],
        runtime: Runtime,
    ) -> Entity:
        """Hide an entity's counts from the public or show them, and set how its owners are notified of views."""
        request.user.project(project_id)
        entity = _read(runtime, project_id, entity_type, entity_id)
        if data.hidden is not None:
            entity.hidden = data.hidden
        if data.notify is not msgspec.UNSET:
            entity.notify = data.notify
            if data.notify and data.notify.webhook:
                runtime.check_outgoing("notify.webhook", data.notify.webhook)
        runtime.register.write(project_id, [entity], request.user.name)
        request.user.wrote("register changed", f"{entity_type} {entity.id}", project_id, deleted=entity.deleted)
        return entity

    @delete("/{entity_type:str}/{entity_id:path}", opt={"may": "manage"}, sync_to_thread=True)
    def remove(
        self, project_id: UUID, entity_type: str, entity_id: str, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> None:
        """Remove an entity from the register; its events and views stay."""
        request.user.project(project_id)
        entity = _read(runtime, project_id, entity_type, entity_id)
        entity.deleted = True
        runtime.register.write(project_id, [entity], request.user.name)
        request.user.wrote("register changed", f"{entity_type} {entity.id}", project_id, deleted=entity.deleted)


class Day(msgspec.Struct, forbid_unknown_fields=True):
    """A day of the project's time zone, YYYY-MM-DD."""

    date: Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class Recounted(msgspec.Struct):
    """The number of rows of each counter that were rebuilt, and the number that had differed from the events."""

    rows: dict[str, int]
    differed: dict[str, int]


class Lookup(msgspec.Struct, forbid_unknown_fields=True):
    """The entities to look up: up to 100 `ids` of one type, and the audience of the numbers."""

    entity_type: str
    ids: list[str]
    seen_by: Literal["public", "owner"] = "public"


class Counters(msgspec.Struct, omit_defaults=True):
    """The view counters of an entity; without numbers when they are hidden from the public."""

    id: str
    hidden: bool
    views: int | None = None
    sessions: int | None = None
    viewers: int | None = None
    anonymous: float | None = None
    last_viewed: datetime | None = None


class Lookups(Controller):
    """`/api/v1/projects/{project_id}/views/lookup`: counters for pages of the host; `…/metrics`: the project's metrics
    pack.

    For callers who see the project.
    """

    path = "/api/v1/projects/{project_id:uuid}"
    tags = ("entities",)

    @get("/metrics", opt={"may": SOMEBODY}, sync_to_thread=True)
    def metrics(self, project_id: UUID, request: Request[Caller, Any, Any]) -> Pack:
        """Return the project's metrics pack."""
        return pack_of(request.user.project(project_id).metrics)

    @post("/views/lookup", opt={"may": "views"}, status_code=200, sync_to_thread=True)
    def look(
        self, project_id: UUID, data: Lookup, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> list[Counters]:
        """Look up current view counters over all time, in the order of the ids; without bots."""
        policy = request.user.policy(request.user.project(project_id))
        if not 1 <= len(data.ids) <= MOST_LOOKED_UP:
            raise BadQuestion("ids", f"are 1 to {MOST_LOOKED_UP}")
        if foreign := [entity_id for entity_id in data.ids if not policy.covers(data.entity_type, entity_id)]:
            raise NotFoundException(f"you may not see {data.entity_type} {foreign[0]!r}")
        keys = [entity_key(project_id.bytes, data.entity_type, entity_id) for entity_id in data.ids]
        totals = runtime.ledger.totals_of(keys)
        return [
            _counters(totals.get(key), entity_id, data.seen_by) for key, entity_id in zip(keys, data.ids, strict=True)
        ]


def _counters(known: Total | None, entity_id: str, seen_by: str) -> Counters:
    total = known or Total(0, 0, 0, 0, 0, False)
    if total.hidden and seen_by == "public":
        return Counters(entity_id, True)
    last = datetime.fromtimestamp(total.last_viewed / 1000, UTC) if total.last_viewed else None
    share = total.anonymous / total.views if total.views else 0.0
    return Counters(entity_id, total.hidden, total.views, total.sessions, total.viewers, share, last)


class Recounts(Controller):
    """Rebuilds counters from the events; for owners, administrators and the secret key."""

    path = "/api/v1/projects/{project_id:uuid}"
    tags = ("entities",)

    @post("/aggregate", opt={"may": "manage"}, status_code=200, sync_to_thread=True)
    def aggregate(self, project_id: UUID, data: Day, request: Request[Caller, Any, Any], runtime: Runtime) -> Recounted:
        """Rebuild the counters of a day from the events. Repeating it changes nothing."""
        project = request.user.project(project_id)
        runtime.wait_for_views(project_id)
        return Recounted(
            **recount_day(runtime.store, runtime.progress.counters_lock_of(project_id), project, data.date)
        )

    @post("/refresh", opt={"may": "manage"}, status_code=200, sync_to_thread=True)
    def refresh(self, project_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime) -> Recounted:
        """Rebuild the view counters from the events. They are never more than two seconds old anyway; repeating it
        changes nothing.
        """
        project = request.user.project(project_id)
        runtime.wait_for_views(project_id)
        return Recounted(
            **refresh_views(runtime.store, runtime.progress.counters_lock_of(project_id), runtime.ledger, project)
        )


def _read(runtime: Runtime, project_id: UUID, entity_type: str, entity_id: str) -> Entity:
    entity = runtime.register.read(project_id, entity_type, entity_id.removeprefix("/"))
    if entity is None:
        raise NotFoundException(f"there is no {entity_type} {entity_id.removeprefix('/')!r} in the register")
    return entity
