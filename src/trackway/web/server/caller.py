"""The caller of a request: a user with a sign-in cookie, a program with a project's secret key, or an account of the
product with a token that the host signed. Knows the caller's permissions and the rows that they see.

Every handler states in `opt["may"]` the permission that its caller needs; `allowed` is the guard of all handlers.
"""

from __future__ import annotations

import asyncio
import hmac
from functools import cached_property
from typing import Any
from uuid import UUID

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, NotFoundException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from trackway.govern.access.permissions import PERMISSIONS, Verdict, role_may
from trackway.govern.access.tokens import BadToken, TokenAccess
from trackway.govern.identity.sign_ins import RequestOrigin, SignedIn
from trackway.govern.tables import Account, Project, User
from trackway.runtime import Runtime
from trackway.store.policy import Policy

COOKIE = "trackway"
RECOMMEND_PATH = "/v1/recommend"
"""The only address that a recommendations key opens."""
Connection = ASGIConnection[Any, Any, Any, Any]
ANYBODY, SOMEBODY, SIGNED_IN = "anybody", "somebody", "signed in"
"""Values of `opt["may"]` for everybody, for every authenticated caller, and for users with a cookie."""
_SAFE = ("GET", "HEAD", "OPTIONS")


class Caller:
    """An authenticated caller: by exactly one of a sign-in, a secret key and a token.

    Args:
        key_project: the project of the secret key.
        account_id: the id of the account to use, for a user with several accounts in a project.
        recommend_key: the id of the recommendations key, if `key_project` is the project of one.
    """

    def __init__(
        self,
        runtime: Runtime,
        origin: RequestOrigin,
        signed_in: SignedIn | None = None,
        key_project: Project | None = None,
        token_access: TokenAccess | None = None,
        account_id: str = "",
        recommend_key: str = "",
    ) -> None:
        self._runtime, self.origin = runtime, origin
        self.signed_in, self._key_project, self._token_access, self._account_id = (
            signed_in,
            key_project,
            token_access,
            account_id,
        )
        self.recommend_key = recommend_key
        self._roles: dict[str, str] = {}
        self._verdicts: dict[str, dict[str, Verdict]] = {}
        self._exported = False

    @property
    def user(self) -> User | None:
        """The signed-in user, or None."""
        return self.signed_in.user if self.signed_in is not None else None

    @property
    def name(self) -> str:
        """The caller's name in the audit log and in `created_by`."""
        if self.user is not None:
            return self.user.email
        if self._token_access is not None:
            return f"account {self._token_access.account.id}"
        return f"recommendations key {self.recommend_key}" if self.recommend_key else "secret key"

    # A caller belongs to one request, so its properties are looked up once.

    def projects(self) -> list[Project]:
        """Return the projects that the caller may see, wholly or in part."""
        return self._projects

    @cached_property
    def _projects(self) -> list[Project]:
        if self._token_access is not None:
            return [self._token_access.project]
        if self._key_project is not None:
            return [self._key_project]
        assert self.user is not None
        member_projects = self._runtime.accounts.projects(self.user)
        member_ids = {project.id for project in member_projects}
        account_ids = {project.project_id for project in self._own_accounts} - member_ids
        return (
            member_projects + [project for project in self._runtime.accounts.projects() if project.id in account_ids]
            if account_ids
            else member_projects
        )

    @cached_property
    def _own_accounts(self) -> list[Account]:
        return self._runtime.accounts.platform.of_email(self.user.email) if self.user is not None else []

    def project(self, project_id: UUID) -> Project:
        """Return one of these projects. Raises NotFoundException for every other id, so that existing ids are not
        revealed.
        """
        for project in self.projects():
            if project.id == str(project_id):
                return project
        raise NotFoundException(f"there is no project {project_id}, or you may not see it")

    def role(self, project: Project) -> str:
        """Return the caller's role in a project: a member's role, `key`, `recommendations key` or
        `administrator`; empty for an account."""
        if self.user is not None:
            if project.id not in self._roles:
                self._roles[project.id] = self._runtime.accounts.role(self.user, project.id)
            return self._roles[project.id]
        if self._key_project is None:
            return ""
        return "recommendations key" if self.recommend_key else "key"

    def account(self, project: Project) -> Account | None:
        """Return the account that the caller is signed in as; None for members, administrators and secret keys."""
        if self._token_access is not None:
            return self._token_access.account
        if self.user is None or self.role(project):
            return None
        accounts = [account for account in self._own_accounts if account.project_id == project.id]
        return next(
            (account for account in accounts if account.id == self._account_id), accounts[0] if accounts else None
        )

    def verdict(self, project: Project, permission: str) -> Verdict:
        """Return whether the caller has a permission in a project, and if not, what they lack."""
        if role := self.role(project):
            return Verdict(True) if role_may(role, permission) else Verdict(False, "type", "another role")
        account = self.account(project)
        if account is None or permission not in PERMISSIONS:
            return Verdict(False, "type", "another role")
        return self.verdicts(project, account).get(permission) or Verdict(False, "type", "staff")

    def verdicts(self, project: Project, account: Account) -> dict[str, Verdict]:
        """Return the verdict on each permission for the caller's account."""
        if project.id not in self._verdicts:
            self._verdicts[project.id] = self._runtime.accounts.platform.verdicts(project, account)
        return self._verdicts[project.id]

    def need(self, project: Project, permission: str) -> None:
        """Require a permission. Raises PermissionDeniedException when the caller does not have it."""
        verdict = self.verdict(project, permission)
        if not verdict.granted:
            raise PermissionDeniedException(
                f"this needs the permission {permission!r} ({PERMISSIONS[permission]}), and {verdict.needs} for it",
                extra=[{"key": permission, "message": verdict.needs}],
            )

    def policy(self, project: Project) -> Policy:
        """Return the policy that limits the rows of a project that the caller sees. All reads go through it."""
        account = self.account(project)
        project_id = UUID(project.id)
        if account is None:
            return Policy(project_id) if self.role(project) else Policy(project_id, entities=())
        return self._runtime.account_policies.policy(
            project_id, account, self._token_access.entities if self._token_access else None
        )

    def own_entities(self, project: Project) -> tuple[tuple[str, str], ...]:
        """Return the entities that are directly the caller's; entities that belong to these are theirs too, but not
        included.
        """
        account = self.account(project)
        named = self._token_access.entities if self._token_access else None
        return () if account is None else self._runtime.account_policies.own(UUID(project.id), account, named)

    def log_export(self, subject: str, project: Project) -> None:
        """Log an export in the audit log, once per request: the guard runs for a cached answer and again for its
        handler.
        """
        if not self._exported:
            self._exported = True
            self.wrote("exported", subject, project.id)

    def wrote(self, action: str, subject: str = "", project_id: UUID | str = "", **detail: object) -> None:
        """Write an action of the caller to the audit log."""
        self._runtime.accounts.audit.write(self.name, action, subject, project_id, self.origin.address, detail)


class Authentication(AbstractAuthenticationMiddleware):
    """Authenticates every request of the API. A changing request by cookie also needs the CSRF token of that
    sign-in.
    """

    async def authenticate_request(self, connection: Connection) -> AuthenticationResult:
        """Find the caller. Raises NotAuthorizedException when there is none."""
        caller = await asyncio.to_thread(caller_of, connection)  # the accounts database may hang, and others go on
        if caller.signed_in is not None and connection.scope["method"] not in _SAFE:  # type: ignore[typeddict-item]
            csrf_token = connection.headers.get("x-csrf-token", "")
            if not hmac.compare_digest(csrf_token.encode(), caller.signed_in.csrf.encode()):
                raise PermissionDeniedException(
                    "the CSRF token is missing or belongs to another sign-in; reload the page"
                )
        return AuthenticationResult(caller, None)


def caller_of(connection: Connection) -> Caller:
    """Return the current caller of a request. Raises NotAuthorizedException when the credentials are missing or
    invalid.
    """
    runtime: Runtime = connection.app.state.runtime
    origin = origin_of(connection)
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return _by_secret(runtime, origin, secret.strip(), connection.scope["path"])
    signed_in = runtime.accounts.sign_ins.signed_in(connection.cookies.get(COOKIE, ""))
    if signed_in is None:
        raise NotAuthorizedException("sign in, or send a secret key as Authorization: Bearer KEY")
    return Caller(runtime, origin, signed_in=signed_in, account_id=connection.headers.get("x-account", ""))


def is_still_permitted(connection: Connection, project: Project, permission: str) -> bool:
    """Whether a long request would still be permitted now: its token may have expired, its permission been
    revoked.
    """
    try:
        caller = caller_of(connection)
        same = caller.policy(project) == connection.user.policy(project)
        return same and caller.verdict(project, permission).granted
    except NotAuthorizedException:
        return False


def _by_secret(runtime: Runtime, origin: RequestOrigin, secret: str, path: str) -> Caller:
    if secret.count(".") == 2:
        try:
            return Caller(runtime, origin, token_access=runtime.accounts.tokens.read(secret))
        except BadToken as error:
            raise NotAuthorizedException(str(error)) from error
    # For any other address it is no key at all, whatever a handler allows.
    if path.rstrip("/") == RECOMMEND_PATH and (found := runtime.accounts.recommendation_keys.of(secret)):
        return Caller(runtime, origin, key_project=found[0], recommend_key=found[1])
    project = runtime.accounts.project_of_secret(secret)
    if project is None:
        raise NotAuthorizedException("no project has this secret key")
    return Caller(runtime, origin, key_project=project)


def origin_of(connection: Connection) -> RequestOrigin:
    """Return the origin of a request; `limits.Limited` has set the client's IP address, read from the headers of
    trusted proxies.
    """
    address = connection.client.host if connection.client else ""
    return RequestOrigin(address, connection.headers.get("user-agent", ""))


async def allowed(connection: Connection, handler: BaseRouteHandler) -> None:
    """Guard every handler: enforce its `opt["may"]`. A handler without it is forbidden to everybody."""
    needed = handler.opt.get("may")
    # OPTIONS tells methods only, and nobody is authenticated for it.
    is_public = needed == ANYBODY or connection.scope["method"] == "OPTIONS"  # type: ignore[typeddict-item]
    if is_public or connection.scope["path"].startswith("/docs"):
        return  # in this thread: those of requests may all be waiting
    await asyncio.to_thread(_allowed, connection, needed)


def _allowed(connection: Connection, needed: str | None) -> None:
    caller: Caller = connection.user
    if needed == SOMEBODY:
        _export(connection, needed)
        return
    if needed == SIGNED_IN:
        if caller.user is None:
            raise PermissionDeniedException("this needs a signed-in user, not a secret key or token")
    elif needed == "install":
        if caller.user is None or not caller.user.is_admin:
            raise PermissionDeniedException("only an administrator may do this")
    elif needed in PERMISSIONS:
        caller.need(_project(connection), needed)
        _export(connection, needed)
    else:
        raise PermissionDeniedException("nobody may do this")


def _project(connection: Connection) -> Project:
    caller: Caller = connection.user
    return caller.project(UUID(str(connection.path_params["project_id"])))


def _export(connection: Connection, needed: str) -> None:
    """Treat an answer as a file as an export: require the permission and log it."""
    form = connection.query_params.get("format", "json")
    if form == "json" or needed == "manage":
        return
    project = _project(connection)
    connection.user.need(project, "export")
    connection.user.log_export(f"{connection.scope['path'].rpartition('/')[2] or 'ask'} as {form}", project)
