"""Sign-in by password, passkey, provider or invitation; and sign-out. Access: anybody; failures are
rate-limited.
"""

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
from trackway.govern.identity.sign_ins import SIGN_IN_DAYS, BadCredentials, CodeNeeded, RequestOrigin, SignedIn
from trackway.runtime import Runtime
from trackway.web.auth.openid import Provider, ProviderFailed
from trackway.web.server.caller import ANYBODY, COOKIE, SOMEBODY, Caller, origin_of
from trackway.web.server.limits import Limits

_OPEN: Any = {"exclude_from_auth": True, "opt": {"may": ANYBODY}}
_BEGAN = "trackway_began"
_HERE = ("localhost", "127.0.0.1", "::1")
Short = Annotated[str, msgspec.Meta(max_length=320)]
Password = Annotated[str, msgspec.Meta(max_length=1000)]


class Credentials(msgspec.Struct):
    """Credentials for a sign-in; `code` is the code of an authenticator application or a recovery code, for users with
    a second factor.
    """

    email: Short
    password: Password
    code: Annotated[str, msgspec.Meta(max_length=40)] = ""


class SignInMethods(msgspec.Struct):
    """The available ways to sign in besides password and passkey, and whether passwords can be reset by mail
    (`reset`).
    """

    provider: bool
    reset: bool


class PasskeyChallenge(msgspec.Struct):
    """The `options` for the browser's WebAuthn API, and the `challenge` to send with the device's answer."""

    challenge: str
    options: dict[str, Any]


class PasskeyAnswer(msgspec.Struct):
    """A device's answer to a passkey request; `challenge` identifies the request."""

    challenge: Short
    credential: dict[str, Any]


class AcceptedInvitation(msgspec.Struct):
    """The password of the user who accepts an invitation: a new one, or that of the existing user."""

    password: Password


class InvitationShown(msgspec.Struct):
    """An invitation: the invited e-mail address and what it is for. `known` says whether the e-mail address already
    belongs to a user.
    """

    email: str
    project: str
    role: str
    account: str
    known: bool


class SignedInShown(msgspec.Struct):
    """The signed-in user, and the token that changing requests must carry."""

    email: str
    csrf: str


def site_of(request: Request[Any, Any, Any], runtime: Runtime) -> Site:
    """Return the host name and origin under which browsers reach this server."""
    try:
        parts = urlsplit(runtime.settings.url or str(request.base_url))
    except ValueError as error:
        raise ClientException("the Host header is not a host name; send the name of this server") from error
    return Site(parts.hostname or "localhost", f"{parts.scheme}://{parts.netloc}")


def origin_of_links(request: Request[Any, Any, Any], runtime: Runtime) -> str:
    """Return the origin for links in mails; empty when none are sent, because `smtp_host` or `url` is not set.

    The client chooses the Host header, and could make somebody else's link lead to a foreign site. Without `url`, the
    header is therefore used only when it names this machine.
    """
    settings = runtime.settings
    if not settings.smtp_host:
        return ""
    site = site_of(request, runtime)
    return site.origin if settings.url or site.host in _HERE else ""


def let_in(signed_in: SignedIn, runtime: Runtime) -> Response[SignedInShown]:
    """Build the answer to a successful sign-in, with the cookie."""
    body = SignedInShown(signed_in.user.email, signed_in.csrf)
    return Response(body, cookies=[_session_cookie(signed_in, runtime)], headers={"cache-control": "no-store"})


def _session_cookie(signed_in: SignedIn, runtime: Runtime) -> Cookie:
    return _cookie(COOKIE, signed_in.token, SIGN_IN_DAYS * 86_400, runtime)


def _cookie(key: str, value: str, seconds: int, runtime: Runtime) -> Cookie:
    secure = runtime.settings.secure_cookies or runtime.settings.url.startswith("https:")
    return Cookie(key=key, value=value, max_age=seconds, httponly=True, samesite="lax", secure=secure)


class SignIn(Controller):
    """`/api/v1/sign-in…`, `/sign-out` and `/invitations/{token}`."""

    path = "/api/v1"
    tags = ("signing in",)

    @get("/sign-in", **_OPEN, sync_to_thread=False)
    def methods(self, request: Request[Any, Any, Any], runtime: Runtime) -> SignInMethods:
        """Return the available ways to sign in."""
        return SignInMethods(bool(runtime.settings.oidc_issuer), bool(origin_of_links(request, runtime)))

    @post("/sign-in", **_OPEN, status_code=200, sync_to_thread=True)
    def sign_in(
        self, data: Credentials, request: Request[Any, Any, Any], runtime: Runtime, limits: Limits
    ) -> Response[SignedInShown]:
        """Sign in and set the session cookie. 401 with the field `code` in `errors` when a code is needed."""
        origin = origin_of(request)
        limits.may_sign_in(origin, data.email)
        try:
            signed_in = runtime.accounts.sign_ins.by_password(data.email, data.password, data.code, origin)
        except BadCredentials as error:
            raise _refused(error, runtime, limits, origin, data.email) from error
        return _signed_in(signed_in, runtime, origin, "password")

    @post("/sign-in/passkey/ask", **_OPEN, status_code=200, sync_to_thread=True)
    def ask_passkey(self, request: Request[Any, Any, Any], runtime: Runtime) -> PasskeyChallenge:
        """Start a sign-in by passkey. Returns `options` for `navigator.credentials.get`, and the `challenge` to send
        with the result.
        """
        return PasskeyChallenge(**runtime.accounts.passkeys.ask(site_of(request, runtime)))

    @post("/sign-in/passkey", **_OPEN, status_code=200, sync_to_thread=True)
    def by_passkey(
        self, data: PasskeyAnswer, request: Request[Any, Any, Any], runtime: Runtime, limits: Limits
    ) -> Response[SignedInShown]:
        """Sign in with the device's answer."""
        origin = origin_of(request)
        limits.may_sign_in(origin, "passkey")
        try:
            signed_in = runtime.accounts.passkeys.sign_in(
                site_of(request, runtime), data.challenge, data.credential, origin
            )
        except BadCredentials as error:
            raise _refused(error, runtime, limits, origin, "a passkey") from error
        return _signed_in(signed_in, runtime, origin, "passkey")

    @get("/sign-in/provider", **_OPEN, sync_to_thread=True)
    def to_provider(self, request: Request[Any, Any, Any], runtime: Runtime, provider: Provider) -> Redirect:
        """Redirect to the OpenID Connect provider; it sends the browser back to `/api/v1/sign-in/provider/back`."""
        if not runtime.settings.oidc_issuer:
            raise NotFoundException("no provider is configured; set `oidc_issuer`")
        try:
            address, state = provider.begin(f"{site_of(request, runtime).origin}/api/v1/sign-in/provider/back")
        except ProviderFailed as error:
            raise ServiceUnavailableException(f"{error}; sign in by password, or try again later") from error
        return Redirect(address, cookies=[_cookie(_BEGAN, state, 600, runtime)])

    @get("/sign-in/provider/back", **_OPEN, sync_to_thread=True)
    def from_provider(
        self,
        request: Request[Any, Any, Any],
        runtime: Runtime,
        limits: Limits,
        provider: Provider,
        returned_state: Annotated[str, Parameter(query="state")] = "",
        code: str = "",
    ) -> Response[None]:
        """Return from the provider: sign in the user that it names, and redirect to the dashboard."""
        origin = origin_of(request)
        limits.may_sign_in(origin, "provider")
        try:
            if not hmac.compare_digest(returned_state.encode(), request.cookies.get(_BEGAN, "").encode()):
                raise BadCredentials("this sign-in was not started in this browser; start again")
            identity = provider.finish(returned_state, code)
            signed_in = runtime.accounts.sign_ins.by_provider(
                identity.issuer, identity.subject, identity.email, identity.verified, origin
            )
        except ProviderFailed as error:
            raise _refused(BadCredentials(str(error)), runtime, limits, origin, "the provider") from error
        except BadCredentials as error:
            raise _refused(error, runtime, limits, origin, "the provider") from error
        runtime.accounts.audit.write(signed_in.user.email, "signed in", "provider", "", origin.address)
        return Response(None, status_code=303, headers={"location": "/"}, cookies=[_session_cookie(signed_in, runtime)])

    @get("/invitations/{token:str}", **_OPEN, sync_to_thread=True)
    def invitation(
        self, token: str, request: Request[Any, Any, Any], runtime: Runtime, limits: Limits
    ) -> InvitationShown:
        """Return the invitation of a link."""
        origin = origin_of(request)
        limits.may_sign_in(origin, "invitation")
        try:
            invitation = runtime.accounts.sign_ins.invitation(token)
        except BadCredentials as error:
            limits.failed(origin, "invitation")
            raise NotFoundException(str(error)) from error
        project = runtime.accounts.project(invitation.project_id)
        is_user = any(user.email == invitation.email for user in runtime.accounts.users())
        return InvitationShown(
            invitation.email, project.name if project else "", invitation.role, invitation.account_id, is_user
        )

    @post("/invitations/{token:str}", **_OPEN, status_code=200, sync_to_thread=True)
    def accept(
        self, token: str, data: AcceptedInvitation, request: Request[Any, Any, Any], runtime: Runtime, limits: Limits
    ) -> Response[SignedInShown]:
        """Accept an invitation and sign in: creates a user with this password, or checks that of the existing user."""
        origin = origin_of(request)
        limits.may_sign_in(origin, "invitation")
        try:
            signed_in, invitation = runtime.accounts.sign_ins.accept(token, data.password, origin)
        except BadCredentials as error:
            raise _refused(error, runtime, limits, origin, "an invitation") from error
        subject = f"{invitation.account_id or invitation.role} (invited by {invitation.created_by})"
        runtime.accounts.audit.write(
            signed_in.user.email, "member changed", subject, invitation.project_id, origin.address
        )
        return _signed_in(signed_in, runtime, origin, "invitation")

    @post("/sign-out", opt={"may": SOMEBODY}, status_code=204, sync_to_thread=True)
    def sign_out(self, request: Request[Caller, Any, Any], runtime: Runtime) -> Response[None]:
        """Sign this browser out."""
        if request.user.signed_in is not None:
            runtime.accounts.sign_ins.sign_out(request.user.signed_in.token)
            request.user.wrote("signed out")
        response: Response[None] = Response(None, status_code=204)
        response.delete_cookie(COOKIE)
        return response


def _signed_in(signed_in: SignedIn, runtime: Runtime, origin: RequestOrigin, method: str) -> Response[SignedInShown]:
    runtime.accounts.audit.write(signed_in.user.email, "signed in", method, "", origin.address)
    return let_in(signed_in, runtime)


def _refused(
    error: BadCredentials, runtime: Runtime, limits: Limits, origin: RequestOrigin, name: str
) -> NotAuthorizedException:
    if isinstance(error, CodeNeeded):
        return NotAuthorizedException(str(error), extra=[{"key": "code", "message": str(error)}])
    limits.failed(origin, name)
    runtime.accounts.audit.write(name, "sign-in refused", str(error), "", origin.address)
    return NotAuthorizedException(str(error))
