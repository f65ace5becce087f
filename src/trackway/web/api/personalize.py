"""The knowledge about one person, for applications: `GET /v1/personalize/{user_id}`, and the preferences that people
state.

Access: servers with a secret key, members with the permission `personal`, and people themselves with a token of the
host for their own account of type user. A write key, which is public, reads nothing.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, cast
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, delete, get, put, route
from litestar.enums import HttpMethod
from litestar.exceptions import NotFoundException, PermissionDeniedException
from litestar.params import Parameter
from litestar.types import Message, Scope

from trackway.analyze.language.period import BadQuestion, Period
from trackway.analyze.language.question import Question
from trackway.govern.tables import Project
from trackway.personalize.kept import KeptAnswer
from trackway.personalize.person import PARTS, Part, Personal, Personalize, user_ids_of
from trackway.personalize.predict.scores import forget_user
from trackway.runtime import Runtime
from trackway.store.connection import Store
from trackway.web.server.caller import ANYBODY, SOMEBODY, Caller

_ANYWHERE = {"access-control-allow-origin": "*", "access-control-expose-headers": "etag, data-version, retry-after"}
"""A token in a header is no cookie: pages of every origin may send theirs."""
Include = Annotated[
    str, Parameter(description=f"the parts, joined by commas: {', '.join(PARTS)}; all but the last by default")
]
Language = Annotated[str, Parameter(pattern="^[a-z]{2}(-[A-Z]{2})?$")]


Limit = Annotated[int, Parameter(ge=1, le=50, description="the most people like this one")]


class StatedPreferenceBody(msgspec.Struct, forbid_unknown_fields=True):
    """A preference as its person states it: a value of a key that they like, or mute (`likes` is false)."""

    key: str
    value: str
    likes: bool = True


class PersonalizeApi(Controller):
    """`/v1/personalize/{user_id}`: about a user of the caller's project; `me` is the account of a token."""

    path = "/v1/personalize/{user_id:str}"
    tags = ("people",)

    @get("/", opt={"may": SOMEBODY})
    async def personal(
        self,
        user_id: str,
        request: Request[Caller, Any, Any],
        runtime: Runtime,
        include: Include = "",
        language: Language = "en",
        limit: Limit = 10,
    ) -> Response[Personal] | Response[None]:
        """Return what a person likes and wants, when they are active, what to suggest to them, and people like them.
        404 for a user of whom nothing is known; 304 if `If-None-Match` names the answer.
        """
        asked = Personalize(include=_parts(include), language=language, limit=limit)
        kept = await asyncio.get_running_loop().run_in_executor(
            runtime.personal.threads, _kept, request.user, runtime, user_id, asked
        )
        if kept is None:
            raise NotFoundException(f"nothing is known of a user {user_id!r}")
        headers = {
            **_ANYWHERE, "etag": kept.tag, "cache-control": "private, no-cache", "data-version": kept.version,
        }  # fmt: skip
        if kept.tag.removeprefix("W/") in request.headers.get("if-none-match", ""):
            return Response(None, status_code=304, headers=headers)
        return Response(cast(Personal, kept.body), headers=headers)

    @put("/preferences", opt={"may": SOMEBODY}, status_code=204, response_headers=_ANYWHERE, sync_to_thread=True)
    def state(
        self, user_id: str, data: StatedPreferenceBody, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> None:
        """State that a person likes a value of a key, or mutes it. It wins over what their actions say. Access: the
        person, and callers with the permission `manage`.
        """
        project, user = _to_change(request.user, user_id)
        preferences = runtime.accounts.saved.preferences
        preferences.state(UUID(project.id), user, data.key, data.value, data.likes)

    @delete("/preferences", opt={"may": SOMEBODY}, response_headers=_ANYWHERE, sync_to_thread=True)
    def forget(
        self,
        user_id: str,
        request: Request[Caller, Any, Any],
        runtime: Runtime,
        key: str = "",
        value: str = "",
    ) -> None:
        """Take back what a person stated for a key and value. Without these, clear all their preferences: what they did
        up to now says nothing any more. Access: the person, and callers with the permission `manage`.
        """
        project, user = _to_change(request.user, user_id)
        preferences = runtime.accounts.saved.preferences
        if bool(key) != bool(value):
            raise BadQuestion("key" if value else "value", "is required with the other one; give both, or none")
        if not key:
            preferences.clear(UUID(project.id), user)
            return
        store, question = _asking(request.user, project, runtime)
        if not preferences.take_back(UUID(project.id), user_ids_of(store, question, user), key, value):
            raise NotFoundException(f"the user did not state {key}: {value}")

    @put("/opt-out", opt={"may": SOMEBODY}, status_code=204, response_headers=_ANYWHERE, sync_to_thread=True)
    def opt_out(self, user_id: str, request: Request[Caller, Any, Any], runtime: Runtime) -> None:
        """Opt a person out of personalization: nothing is said about them, to them or to anybody, until they opt in
        again. What they did and stated is kept. Access: the person, and callers with the permission `manage`.
        """
        project, user = _to_change(request.user, user_id)
        runtime.accounts.saved.preferences.opt_out(UUID(project.id), user)
        forget_user(*_asking(request.user, project, runtime), user)

    @delete("/opt-out", opt={"may": SOMEBODY}, response_headers=_ANYWHERE, sync_to_thread=True)
    def opt_in(self, user_id: str, request: Request[Caller, Any, Any], runtime: Runtime) -> None:
        """Take back the opt-out of a person. Access: the person, and callers with the permission `manage`."""
        project, user = _to_change(request.user, user_id)
        runtime.accounts.saved.preferences.opt_in(UUID(project.id), user)

    # Litestar answers OPTIONS itself where no handler with an earlier name does.
    @route(
        ["/", "/preferences", "/opt-out"], http_method=[HttpMethod.OPTIONS], opt={"may": ANYBODY}, status_code=204,
        include_in_schema=False, sync_to_thread=False,
    )  # fmt: skip
    def allow(self, user_id: str) -> Response[None]:  # noqa: ARG002 - part of the path
        """Tell browsers that pages of every origin may call these addresses."""
        allowed = {
            "access-control-allow-methods": "GET, PUT, DELETE",
            "access-control-allow-headers": "authorization, content-type, if-none-match",
            "access-control-max-age": "86400",
        }
        return Response(None, status_code=204, headers=_ANYWHERE | allowed)


async def refusals_for_pages(message: Message, scope: Scope) -> None:
    """Let pages of every origin read refusals too; without this, a page is told of a failed connection. Most are
    answered before a handler is chosen.
    """
    if message["type"] == "http.response.start" and scope["path"].startswith(("/v1/personalize/", "/v1/recommend")):
        names = {name.lower() for name, _ in message["headers"]}
        own = [(name.encode(), value.encode()) for name, value in _ANYWHERE.items() if name.encode() not in names]
        message["headers"] = [*message["headers"], *own]


def _parts(include: str) -> list[Part]:
    names = [name for name in include.split(",") if name]
    if unknown := [name for name in names if name not in PARTS]:
        raise BadQuestion("include", f"{unknown[0]!r} is no part; the parts are {', '.join(PARTS)}")
    return [part for part in PARTS if part in names]


def _own_project(caller: Caller, user_id: str) -> Project:
    """Return the caller's only project, in which they may see this user.

    Raises:
        PermissionDeniedException: they may not see single people, or only another person.
    """
    projects = caller.projects()
    if len(projects) != 1:
        raise BadQuestion("project", "use a secret key or a token of the project; you see several projects")
    caller.need(projects[0], "personal")
    account = caller.account(projects[0])
    if account is not None and user_id not in ("me", account.id):
        raise PermissionDeniedException("this is another person; a token opens what is known of its own account only")
    return projects[0]


def _to_change(caller: Caller, user_id: str) -> tuple[Project, str]:
    """Return the project and the user whose preferences the caller may change."""
    project = _own_project(caller, user_id)
    account = caller.account(project)
    if account is None:
        caller.need(project, "manage")
    return project, user_id if account is None else account.id


def _kept(caller: Caller, runtime: Runtime, user_id: str, asked: Personalize) -> KeptAnswer | None:
    # Not at the desk: an application waits for this look-up by key, and so it must not wait for a slot behind slow
    # questions of the same project.
    project = _own_project(caller, user_id)
    own = caller.policy(project).person
    if own is not None:
        account = caller.account(project)
        who = own if account is None else account.id
        return runtime.personal.answer(project, who, asked, for_display=True) if own else None
    return runtime.personal.answer(project, user_id, asked, for_display=False)


def _asking(caller: Caller, project: Project, runtime: Runtime) -> tuple[Store, Question]:
    """Return the store as the caller sees it, and a question about all time."""
    period = Period(datetime(2000, 1, 1, tzinfo=UTC), datetime.now(UTC))
    return runtime.store.within(caller.policy(project)), Question.of(project, period)
