"""Signing in, by password, passkey, provider or invitation; and out. Who may call: anybody; failures are counted."""

from __future__ import annotations

import hmac
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.exceptions import ClientException, NotAuthorizedException, NotFoundException, ServiceUnavailableException
from litestar.params import Parameter
from litestar.response import Redirect

from trackway.govern.identity.passkeys import Site
from trackway.govern.identity.sign_ins import SIGN_IN_DAYS, BadCredentials, CodeNeeded, SignedIn, Where
from trackway.runtime import Runtime
from trackway.web.auth.openid import Provider, ProviderFailed
from trackway.web.server.caller import ANYBODY, COOKIE, SOMEBODY, Caller, where_from
from trackway.web.server.limits import Limits

_OPEN: Any = {"exclude_from_auth": True, "opt": {"may": ANYBODY}}
_BEGAN = "trackway_began"
_HERE = ("localhost", "127.0.0.1", "::1")
Short = Annotated[str, msgspec.Meta(max_length=320)]
Password = Annotated[str, msgspec.Meta(max_length=1000)]


class Credentials(msgspec.Struct):
    """What somebody signs in with; `code` of an authenticator application, or a recovery code, for who has one."""

    email: Short
    password: Password
    code: Annotated[str, msgspec.Meta(max_length=40)] = ""


class Ways(msgspec.Struct):
    """How one can sign in besides by password and passkey; whether a link by mail resets a password (`reset`)."""

    provider: bool
    reset: bool


class PasskeyAnswer(msgspec.Struct):
    """What a device answered to what it was asked (`word` names that)."""

    word: Short
    credential: dict[str, Any]


class Accepted(msgspec.Struct):
    """The password of who accepts an invitation: a new one, or theirs."""

    password: Password


class InvitationShown(msgspec.Struct):
    """What a link invites whom to."""

    email: str
    project: str
    role: str
    account: str
    known: bool


class SignedInShown(msgspec.Struct):
    """Who is signed in now, and the token that changes must carry."""

    email: str
    csrf: str


def site_of(request: Request[Any, Any, Any], runtime: Runtime) -> Site:
    """Where this server is, as people see it."""
    try:
        parts = urlsplit(runtime.settings.url or str(request.base_url))
    except ValueError as error:
        raise ClientException("the Host header is no host; send the name of this server") from error
    return Site(parts.hostname or "localhost", f"{parts.scheme}://{parts.netloc}")


def origin_of_links(request: Request[Any, Any, Any], runtime: Runtime) -> str:
    """Where links in mails lead; empty when none are sent: no `smtp_host`, or no `url`.

    Whoever asks chooses the Host header, and would choose where somebody else's link leads. It counts only when it
    names this machine.
    """
    settings = runtime.settings
    if not settings.smtp_host:
        return ""
    site = site_of(request, runtime)
    return site.origin if settings.url or site.host in _HERE else ""


def let_in(signed_in: SignedIn, runtime: Runtime) -> Response[SignedInShown]:
    """The answer to who signed in: with the cookie."""
    shown = SignedInShown(signed_in.user.email, signed_in.csrf)
    return Response(shown, cookies=[_cookie(signed_in, runtime)], headers={"cache-control": "no-store"})


def _cookie(signed_in: SignedIn, runtime: Runtime) -> Cookie:
    secure = runtime.settings.secure_cookies or runtime.settings.url.startswith("https:")
    return Cookie(
        key=COOKIE, value=signed_in.token, max_age=SIGN_IN_DAYS * 86_400, httponly=True, samesite="lax", secure=secure
    )


class SigningIn(Controller):
    """`/api/v1/sign-in…`, `/sign-out` and `/invitations/{token}`."""

    path = "/api/v1"
    tags = ("signing in",)

    @get("/sign-in", **_OPEN, sync_to_thread=False)
    def ways(self, request: Request[Any, Any, Any], runtime: Runtime) -> Ways:
        """How one can sign in."""
        return Ways(bool(runtime.settings.oidc_issuer), bool(origin_of_links(request, runtime)))

    @post("/sign-in", **_OPEN, status_code=200, sync_to_thread=True)
    def sign_in(
        self, data: Credentials, request: Request[Any, Any, Any], runtime: Runtime, limits: Limits
    ) -> Response[SignedInShown]:
        """Sign in; sets the session cookie. 401 with `code` among the errors' fields when a code is needed."""
        where = where_from(request)
        limits.may_sign_in(where, data.email)
        try:
            signed_in = runtime.accounts.sign_ins.by_password(data.email, data.password, data.code, where)
        except BadCredentials as error:
            raise _refused(error, runtime, limits, where, data.email) from error
        return _entered(signed_in, runtime, where, "password")

    @post("/sign-in/passkey/ask", **_OPEN, status_code=200, sync_to_thread=True)
    def ask_passkey(self, request: Request[Any, Any, Any], runtime: Runtime) -> dict[str, Any]:
        """What to ask a device for: `options` of `navigator.credentials.get`, and the `word` to answer with."""
        return runtime.accounts.passkeys.ask(site_of(request, runtime))

    @post("/sign-in/passkey", **_OPEN, status_code=200, sync_to_thread=True)
    def by_passkey(
        self, data: PasskeyAnswer, request: Request[Any, Any, Any], runtime: Runtime, limits: Limits
    ) -> Response[SignedInShown]:
        """Sign in with what the device answered."""
        where = where_from(request)
        limits.may_sign_in(where, "passkey")
        try:
            signed_in = runtime.accounts.passkeys.sign_in(site_of(request, runtime), data.word, data.credential, where)
        except BadCredentials as error:
            raise _refused(error, runtime, limits, where, "a passkey") from error
        return _entered(signed_in, runtime, where, "passkey")

    @get("/sign-in/provider", **_OPEN, sync_to_thread=True)
    def to_provider(self, request: Request[Any, Any, Any], runtime: Runtime, provider: Provider) -> Redirect:
        """Go to the OpenID Connect provider; it sends the browser back to `/api/v1/sign-in/provider/back`."""
        if not runtime.settings.oidc_issuer:
            raise NotFoundException("no provider is set up; `oidc_issuer` names one")
        try:
            address, state = provider.begin(f"{site_of(request, runtime).origin}/api/v1/sign-in/provider/back")
        except ProviderFailed as error:
            raise ServiceUnavailableException(f"{error}; sign in by password, or try again later") from error
        return Redirect(address, cookies=[Cookie(key=_BEGAN, value=state, max_age=600, httponly=True, samesite="lax")])

    @get("/sign-in/provider/back", **_OPEN, sync_to_thread=True)
    def from_provider(
        self,
        request: Request[Any, Any, Any],
        runtime: Runtime,
        limits: Limits,
        provider: Provider,
        began: Annotated[str, Parameter(query="state")] = "",
        code: str = "",
    ) -> Response[None]:
        """Come back from the provider: signs in who it says it is, and goes to the dashboard."""
        where = where_from(request)
        limits.may_sign_in(where, "provider")
        try:
            if not hmac.compare_digest(began.encode(), request.cookies.get(_BEGAN, "").encode()):
                raise BadCredentials("signing in was not begun in this browser; begin again")
            said = provider.back(began, code)
            signed_in = runtime.accounts.sign_ins.by_provider(
                said.issuer, said.subject, said.email, said.verified, where
            )
        except ProviderFailed as error:
            raise _refused(BadCredentials(str(error)), runtime, limits, where, "the provider") from error
        except BadCredentials as error:
            raise _refused(error, runtime, limits, where, "the provider") from error
        runtime.accounts.audit.write(signed_in.user.email, "signed in", "provider", "", where.address)
        return Response(None, status_code=303, headers={"location": "/"}, cookies=[_cookie(signed_in, runtime)])

    @get("/invitations/{token:str}", **_OPEN, sync_to_thread=True)
    def invitation(
        self, token: str, request: Request[Any, Any, Any], runtime: Runtime, limits: Limits
    ) -> InvitationShown:
        """What the link invites to."""
        where = where_from(request)
        limits.may_sign_in(where, "invitation")
        try:
            found = runtime.accounts.sign_ins.invitation(token)
        except BadCredentials as error:
            limits.failed(where, "invitation")
            raise NotFoundException(str(error)) from error
        project = runtime.accounts.project(found.project_id)
        known = any(one.email == found.email for one in runtime.accounts.users())
        return InvitationShown(found.email, project.name if project else "", found.role, found.account_id, known)

    @post("/invitations/{token:str}", **_OPEN, status_code=200, sync_to_thread=True)
    def accept(
        self, token: str, data: Accepted, request: Request[Any, Any, Any], runtime: Runtime, limits: Limits
    ) -> Response[SignedInShown]:
        """Accept it: makes a user with this password (or takes that of the one there is), and signs in."""
        where = where_from(request)
        limits.may_sign_in(where, "invitation")
        try:
            signed_in, found = runtime.accounts.sign_ins.accept(token, data.password, where)
        except BadCredentials as error:
            raise _refused(error, runtime, limits, where, "an invitation") from error
        what = f"{found.account_id or found.role} (invited by {found.created_by})"
        runtime.accounts.audit.write(signed_in.user.email, "member changed", what, found.project_id, where.address)
        return _entered(signed_in, runtime, where, "invitation")

    @post("/sign-out", opt={"may": SOMEBODY}, status_code=204, sync_to_thread=True)
    def sign_out(self, request: Request[Caller, Any, Any], runtime: Runtime) -> Response[None]:
        """Sign out this browser."""
        if request.user.signed_in is not None:
            runtime.accounts.sign_ins.sign_out(request.user.signed_in.token)
            request.user.wrote("signed out")
        response: Response[None] = Response(None, status_code=204)
        response.delete_cookie(COOKIE)
        return response


def _entered(signed_in: SignedIn, runtime: Runtime, where: Where, how: str) -> Response[SignedInShown]:
    runtime.accounts.audit.write(signed_in.user.email, "signed in", how, "", where.address)
    return let_in(signed_in, runtime)


def _refused(
    error: BadCredentials, runtime: Runtime, limits: Limits, where: Where, whom: str
) -> NotAuthorizedException:
    if isinstance(error, CodeNeeded):
        return NotAuthorizedException(str(error), extra=[{"key": "code", "message": str(error)}])
    limits.failed(where, whom)
    runtime.accounts.audit.write(whom, "sign-in refused", str(error), "", where.address)
    return NotAuthorizedException(str(error))
