"""Projects and their keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, delete, get, patch, post

from trackway.runtime import Runtime
from trackway.store.orders import own_currency
from trackway.web.auth.me import ProjectShown, show
from trackway.web.server.caller import SOMEBODY, Caller


class NewProject(msgspec.Struct):
    """What a project is made with."""

    name: str
    timezone: str = "UTC"
    currency: str = "USD"


class ProjectChange(msgspec.Struct):
    """What may be changed of a project; what is left away stays."""

    name: str | None = None
    timezone: str | None = None
    currency: str | None = None
    goals: list[str] | None = None
    humans: list[str] | None = None
    closed_register: bool | None = None
    metrics: str | None = None
    embed_origins: Annotated[list[str], msgspec.Meta(max_length=20)] | None = None


class NewKey(msgspec.Struct):
    """Which kind of key to make."""

    kind: Literal["write", "secret", "embed"]


class Keys(msgspec.Struct):
    """Fresh keys, whole; all but write keys are shown only now. `id` is a single key's: the `kid` of tokens."""

    project_id: str
    write_key: str = ""
    secret_key: str = ""
    embed_key: str = ""
    id: str = ""


class Projects(Controller):
    """`/api/v1/projects`: seen by its members and its secret key, changed by administrators."""

    path = "/api/v1/projects"
    tags = ("projects",)

    @get("/", opt={"may": SOMEBODY}, sync_to_thread=True)
    def every(self, request: Request[Caller, Any, Any]) -> list[ProjectShown]:
        """The projects that the caller may see."""
        return [show(project, request.user) for project in request.user.projects()]

    @post("/", opt={"may": "install"}, sync_to_thread=True)
    def make(self, data: NewProject, request: Request[Caller, Any, Any], runtime: Runtime) -> Keys:
        """Make a project; the answer has its keys."""
        project, write_key, secret_key = runtime.accounts.add_project(data.name, data.timezone, data.currency)
        own_currency(runtime.store, UUID(project.id), project.currency)
        request.user.wrote("project made", project.name, project.id)
        return Keys(project.id, write_key, secret_key)

    @patch("/{project_id:uuid}", opt={"may": "control"}, sync_to_thread=True)
    def change(
        self, project_id: UUID, data: ProjectChange, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> ProjectShown:
        """Change name, time zone, currency, goals, or `humans`: the reasons for which nobody is taken for a bot.

        Answers about any time follow at once.
        """
        given = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not None}
        changed = runtime.accounts.change_project(project_id, **msgspec.structs.asdict(data))
        if own_currency(runtime.store, project_id, changed.currency):
            given["rates"] = "of the currency before are gone"
        request.user.wrote("project changed", changed.name, project_id, fields=sorted(given))
        return show(changed, request.user)

    @post("/{project_id:uuid}/keys", opt={"may": "control"}, sync_to_thread=True)
    def add_key(self, project_id: UUID, data: NewKey, request: Request[Caller, Any, Any], runtime: Runtime) -> Keys:
        """Make another key."""
        made, value = runtime.accounts.add_key(project_id, data.kind)
        request.user.wrote("key made", f"{data.kind} {made.hint}", project_id)
        return Keys(str(project_id), id=made.id, **{f"{data.kind}_key": value})

    @delete("/{project_id:uuid}/keys/{key_id:str}", opt={"may": "control"}, sync_to_thread=True)
    def revoke_key(self, project_id: UUID, key_id: str, request: Request[Caller, Any, Any], runtime: Runtime) -> None:
        """Make a key useless."""
        revoked = runtime.accounts.revoke_key(project_id, key_id)
        request.user.wrote("key revoked", f"{revoked.kind} {revoked.hint}", project_id)
