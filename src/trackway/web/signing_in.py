"""Signing in and out, and who one is."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.exceptions import NotAuthorizedException
from litestar.params import Parameter

from trackway.govern.accounts import SIGN_IN_DAYS, Accounts
from trackway.govern.tables import Project
from trackway.web.caller import COOKIE, Caller
from trackway.web.house import House


class Credentials(msgspec.Struct):
    """What somebody signs in with."""

    email: Annotated[str, msgspec.Meta(max_length=320)]
    password: Annotated[str, msgspec.Meta(max_length=1000)]


class Me(msgspec.Struct):
    """Who is signed in, the token that changes must carry, and the projects they may see."""

    email: str
    is_admin: bool
    csrf: str
    projects: list[ProjectShown]


class KeyShown(msgspec.Struct):
    """A key of a project; `value` is whole only for write keys, which are public."""

    id: str
    kind: str
    value: str
    created_at: str


class ProjectShown(msgspec.Struct):
    """A project as the API shows it."""

    id: str
    name: str
    timezone: str
    currency: str
    goals: list[str]
    humans: list[str]
    closed_register: bool
    metrics: str
    keys: list[KeyShown]


def show(project: Project) -> ProjectShown:
    """A project with those of its keys that are in force."""
    keys = [
        KeyShown(key.id, key.kind, key.value if key.kind == "write" else key.hint, key.created_at.isoformat() + "Z")
        for key in project.keys
        if key.revoked_at is None
    ]
    return ProjectShown(
        project.id,
        project.name,
        project.timezone,
        project.currency,
        project.goals,
        project.humans,
        project.closed_register,
        project.metrics,
        keys,
    )


class SigningIn(Controller):
    """`/api/v1/sign-in` for anybody, `/sign-out` and `/me` for whoever is signed in."""

    path = "/api/v1"
    tags = ("accounts",)

    @post("/sign-in", exclude_from_auth=True, status_code=200, sync_to_thread=True)
    def sign_in(self, data: Credentials, house: House) -> Response[Me]:
        """Sign in; sets the session cookie."""
        accounts: Accounts = house.accounts
        signed_in = accounts.sign_in(data.email, data.password)
        if signed_in is None:
            raise NotAuthorizedException("the e-mail address or the password is wrong")
        cookie = Cookie(
            key=COOKIE,
            value=signed_in.token,
            max_age=SIGN_IN_DAYS * 86_400,
            httponly=True,
            samesite="lax",
            secure=house.settings.secure_cookies,
        )
        projects = [show(project) for project in accounts.projects(signed_in.user)]
        return Response(Me(signed_in.user.email, signed_in.user.is_admin, signed_in.csrf, projects), cookies=[cookie])

    @post("/sign-out", status_code=204, sync_to_thread=True)
    def sign_out(self, request: Request[Caller, Any, Any], house: House) -> Response[None]:
        """Sign out this browser."""
        house.accounts.sign_out(request.user.token)
        response: Response[None] = Response(None, status_code=204)
        response.delete_cookie(COOKIE)
        return response

    @get("/me", sync_to_thread=True)
    def me(
        self,
        request: Request[Caller, Any, Any],
        _accept: Annotated[str, Parameter(header="accept", required=False)] = "",
    ) -> Me:
        """Who is signed in (or which project a key opens)."""
        caller = request.user
        user = caller.user
        projects = [show(project) for project in caller.projects()]
        return Me(user.email if user else "", bool(user and user.is_admin), caller.csrf, projects)
