"""Who is calling: a signed-in user by cookie, or a program by a project's secret key; and what they may see."""

from __future__ import annotations

import hmac
from uuid import UUID

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, NotFoundException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from trackway.govern.accounts import Accounts
from trackway.govern.tables import Project, User

COOKIE = "trackway"
_SAFE = ("GET", "HEAD", "OPTIONS")


class Caller:
    """Somebody or some program that has proved who it is."""

    def __init__(
        self, accounts: Accounts, user: User | None, own: Project | None, token: str = "", csrf: str = ""
    ) -> None:
        self._accounts = accounts
        self.user = user
        self._own = own
        self.token, self.csrf = token, csrf

    @property
    def name(self) -> str:
        """Under which name it is written down what the caller did."""
        return self.user.email if self.user is not None else "secret key"

    def projects(self) -> list[Project]:
        """What the caller may see."""
        return [self._own] if self._own is not None else self._accounts.projects(self.user)

    def project(self, project_id: UUID) -> Project:
        """One of them. Raises NotFoundException for others', so that nobody learns which there are."""
        for project in self.projects():
            if project.id == str(project_id):
                return project
        raise NotFoundException(f"there is no project {project_id} that you may see")


class Authentication(AbstractAuthenticationMiddleware):
    """Every request of the API is somebody's. A change by cookie needs the CSRF token of that sign-in as well."""

    async def authenticate_request(self, connection: ASGIConnection) -> AuthenticationResult:  # type: ignore[type-arg]
        """Find the caller. Raises NotAuthorizedException when there is none."""
        accounts: Accounts = connection.app.state.house.accounts
        scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            project = accounts.project_of_secret(secret.strip())
            if project is None:
                raise NotAuthorizedException("no project has this secret key")
            return AuthenticationResult(Caller(accounts, None, project), None)
        signed_in = accounts.signed_in(connection.cookies.get(COOKIE, ""))
        if signed_in is None:
            raise NotAuthorizedException("sign in, or send a secret key as Authorization: Bearer KEY")
        if connection.scope["method"] not in _SAFE:  # type: ignore[typeddict-item]
            given = connection.headers.get("x-csrf-token", "")
            if not hmac.compare_digest(given.encode(), signed_in.csrf.encode()):
                raise PermissionDeniedException("the CSRF token is missing or of another sign-in; reload the page")
        caller = Caller(accounts, signed_in.user, None, signed_in.token, signed_in.csrf)
        return AuthenticationResult(caller, None)


def administrators_only(connection: ASGIConnection, _: BaseRouteHandler) -> None:  # type: ignore[type-arg]
    """Guard: a signed-in administrator."""
    caller: Caller = connection.user
    if caller.user is None or not caller.user.is_admin:
        raise PermissionDeniedException("only an administrator may do this")


def administrators_or_keys(connection: ASGIConnection, _: BaseRouteHandler) -> None:  # type: ignore[type-arg]
    """Guard: a signed-in administrator, or a program with the project's secret key."""
    caller: Caller = connection.user
    if caller.user is not None and not caller.user.is_admin:
        raise PermissionDeniedException("only an administrator or a secret key may do this")


def people_only(connection: ASGIConnection, _: BaseRouteHandler) -> None:  # type: ignore[type-arg]
    """Guard: a signed-in user, not a key."""
    if connection.user.user is None:
        raise PermissionDeniedException("a secret key cannot do this; sign in")
