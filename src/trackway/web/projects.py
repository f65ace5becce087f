"""Projects and their keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, delete, get, patch, post

from trackway.web.caller import Caller, administrators_only, people_only
from trackway.web.house import House
from trackway.web.signing_in import ProjectShown, show


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


class NewKey(msgspec.Struct):
    """Which kind of key to make."""

    kind: Literal["write", "secret"]


class NewMember(msgspec.Struct):
    """Who may see the project from now on; the password is for somebody who has no account yet."""

    email: Annotated[str, msgspec.Meta(min_length=3, max_length=320)]
    password: Annotated[str, msgspec.Meta(max_length=1000)] = ""


class Member(msgspec.Struct):
    """Somebody who sees the project."""

    email: str
    is_admin: bool


class Keys(msgspec.Struct):
    """Fresh keys, whole; a secret one is shown only now."""

    project_id: str
    write_key: str = ""
    secret_key: str = ""


class Projects(Controller):
    """`/api/v1/projects`: seen by its members and its secret key, changed by administrators."""

    path = "/api/v1/projects"
    tags = ("projects",)

    @get("/", sync_to_thread=True)
    def every(self, request: Request[Caller, Any, Any]) -> list[ProjectShown]:
        """The projects that the caller may see."""
        return [show(project) for project in request.user.projects()]

    @post("/", guards=[people_only, administrators_only], sync_to_thread=True)
    def make(self, data: NewProject, house: House) -> Keys:
        """Make a project; the answer has its keys."""
        project, write_key, secret_key = house.accounts.add_project(data.name, data.timezone, data.currency)
        return Keys(project.id, write_key, secret_key)

    @patch("/{project_id:uuid}", guards=[people_only, administrators_only], sync_to_thread=True)
    def change(
        self, project_id: UUID, data: ProjectChange, request: Request[Caller, Any, Any], house: House
    ) -> ProjectShown:
        """Change name, time zone, currency, goals, or `humans`: the reasons for which nobody is taken for a bot.

        Answers about any time follow at once.
        """
        request.user.project(project_id)
        return show(house.accounts.change_project(project_id, **msgspec.structs.asdict(data)))

    @post("/{project_id:uuid}/keys", guards=[people_only, administrators_only], sync_to_thread=True)
    def add_key(self, project_id: UUID, data: NewKey, request: Request[Caller, Any, Any], house: House) -> Keys:
        """Make another key."""
        request.user.project(project_id)
        value = house.accounts.add_key(project_id, data.kind)
        return Keys(str(project_id), **{f"{data.kind}_key": value})

    @delete("/{project_id:uuid}/keys/{key_id:str}", guards=[people_only, administrators_only], sync_to_thread=True)
    def revoke_key(self, project_id: UUID, key_id: str, request: Request[Caller, Any, Any], house: House) -> None:
        """Make a key useless."""
        request.user.project(project_id)
        house.accounts.revoke_key(project_id, key_id)

    @get("/{project_id:uuid}/members", guards=[people_only, administrators_only], sync_to_thread=True)
    def members(self, project_id: UUID, request: Request[Caller, Any, Any], house: House) -> list[Member]:
        """Who sees the project; administrators see every one."""
        request.user.project(project_id)
        return [Member(one.email, one.is_admin) for one in house.accounts.members(project_id)]

    @post("/{project_id:uuid}/members", guards=[people_only, administrators_only], sync_to_thread=True)
    def add_member(
        self, project_id: UUID, data: NewMember, request: Request[Caller, Any, Any], house: House
    ) -> list[Member]:
        """Let somebody see the project; with a password an account is made for them."""
        request.user.project(project_id)
        known = {one.email for one in house.accounts.users()}
        if data.email.strip().lower() not in known and data.password:
            house.accounts.add_user(data.email, data.password)
        house.accounts.add_member(data.email, project_id)
        return [Member(one.email, one.is_admin) for one in house.accounts.members(project_id)]

    @delete("/{project_id:uuid}/members/{email:str}", guards=[people_only, administrators_only], sync_to_thread=True)
    def remove_member(self, project_id: UUID, email: str, request: Request[Caller, Any, Any], house: House) -> None:
        """Let somebody see the project no longer."""
        request.user.project(project_id)
        house.accounts.remove_member(email, project_id)
