"""The signed-in user: profile, permissions, sign-ins, second factor and passkeys. Access: everybody, about
themselves.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import segno
from litestar import Controller, Request, delete, get, post
from litestar.exceptions import ClientException, NotFoundException
from litestar.params import Parameter

from trackway.govern.access.permissions import SEEN, Verdict
from trackway.govern.identity.sign_ins import BadCredentials
from trackway.govern.tables import Project
from trackway.runtime import Runtime
from trackway.web.auth.sign_in import PasskeyAnswer, PasskeyChallenge, Password, site_of
from trackway.web.server.caller import SIGNED_IN, SOMEBODY, Caller


class KeyShown(msgspec.Struct):
    """A key of a project. `value` is complete only for write keys, which are public; of other keys it is the last
    characters. An embed key's `id` is the `kid` of its tokens.
    """

    id: str
    kind: str
    value: str
    created_at: str


class AsAccount(msgspec.Struct):
    """The account of the product that the caller is signed in as: its entities and permissions. `granted` lists the
    permissions that it has, including the host's own keys.
    """

    id: str
    type: str
    name: str
    verification: str
    subscription: str
    entities: list[tuple[str, str]]
    permissions: dict[str, Verdict]
    granted: list[str]


class ProjectShown(msgspec.Struct):
    """A project as the API shows it. For an account, `role` is empty, and only name, time zone, currency,
    `closed_register` and `account` are filled in.
    """

    id: str
    name: str
    timezone: str
    currency: str
    goals: list[str]
    humans: list[str]
    closed_register: bool
    metrics: str
    embed_origins: list[str]
    keys: list[KeyShown]
    role: str
    account: AsAccount | None


class AuthenticatorSecret(msgspec.Struct):
    """The secret for an authenticator application, as an `otpauth` URI and as a picture (data URI of an SVG)."""

    address: str
    picture: str


class RecoveryCodes(msgspec.Struct):
    """Codes that replace the second factor, each once."""

    recovery_codes: list[str]


class Me(msgspec.Struct):
    """The signed-in user, the token that changing requests must carry, and the projects that they may see."""

    email: str
    is_admin: bool
    csrf: str
    second_factor: bool
    projects: list[ProjectShown]


class SignInShown(msgspec.Struct):
    """A signed-in browser."""

    id: str
    way: str
    address: str
    agent: str
    created_at: str
    seen_at: str
    current: bool


class PasswordChange(msgspec.Struct, forbid_unknown_fields=True):
    """A change of password; `old` is empty for a user without a password."""

    old: Password
    new: Password


class Code(msgspec.Struct, forbid_unknown_fields=True):
    """A code of an authenticator application."""

    code: Annotated[str, msgspec.Meta(max_length=40)]


class NewPasskey(PasskeyAnswer):
    """A credential that a device created, and its name."""

    name: Annotated[str, msgspec.Meta(max_length=100)] = ""


class PasskeyShown(msgspec.Struct):
    """A passkey."""

    id: str
    name: str
    created_at: str
    used_at: str | None


def show(project: Project, caller: Caller) -> ProjectShown:
    """Build a project as a caller sees it: for members and secret keys with its keys in force, for an account with the
    account's own data.
    """
    role = caller.role(project)
    keys = [
        KeyShown(key.id, key.kind, key.value if key.kind == "write" else key.hint, key.created_at.isoformat() + "Z")
        for key in (project.keys if role else [])
        if key.revoked_at is None
    ]
    return ProjectShown(
        project.id, project.name, project.timezone, project.currency, project.goals if role else [],
        project.overruled_bot_reasons if role else [], project.closed_register, project.metrics if role else "",
        project.embed_origins if role else [], keys, role, _account(project, caller),
    )  # fmt: skip


def _account(project: Project, caller: Caller) -> AsAccount | None:
    account = caller.account(project)
    if account is None:
        return None
    entities = list(caller.own_entities(project))
    verdicts = caller.verdicts(project, account)
    return AsAccount(
        account.id, account.type, account.name, account.verification, account.subscription, entities,
        {name: verdicts[name] for name in SEEN}, [name for name, verdict in verdicts.items() if verdict.granted],
    )  # fmt: skip


class CurrentUser(Controller):
    """`/api/v1/me…`"""

    path = "/api/v1/me"
    tags = ("signing in",)

    @get("/", opt={"may": SOMEBODY}, sync_to_thread=True)
    def me(
        self,
        request: Request[Caller, Any, Any],
        _accept: Annotated[str, Parameter(header="accept", required=False)] = "",
    ) -> Me:
        """Return the signed-in user (or the access of a key or token), and their permissions."""
        caller = request.user
        user, csrf = caller.user, caller.signed_in.csrf if caller.signed_in else ""
        projects = [show(project, caller) for project in caller.projects()]
        if user is None:
            return Me("", False, "", False, projects)
        return Me(user.email, user.is_admin, csrf, bool(user.totp), projects)

    @get("/sign-ins", opt={"may": SIGNED_IN}, sync_to_thread=True)
    def sign_ins(self, request: Request[Caller, Any, Any], runtime: Runtime) -> list[SignInShown]:
        """List the caller's sign-ins."""
        signed_in = _signed_in(request)
        return [
            SignInShown(sign_in.id, sign_in.way, sign_in.address, sign_in.agent, sign_in.created_at.isoformat() + "Z",
                        (sign_in.seen_at or sign_in.created_at).isoformat() + "Z", sign_in.id == signed_in.id)
            for sign_in in runtime.accounts.sign_ins.all(signed_in.user.id)
        ]  # fmt: skip

    @delete("/sign-ins/{sign_in_id:str}", opt={"may": SIGNED_IN}, sync_to_thread=True)
    def revoke(self, sign_in_id: str, request: Request[Caller, Any, Any], runtime: Runtime) -> None:
        """End a sign-in: that browser is signed out at once."""
        if not runtime.accounts.sign_ins.revoke(_signed_in(request).user.id, sign_in_id):
            raise NotFoundException("you have no such sign-in")
        request.user.wrote("signed out", "another browser")

    @post("/password", opt={"may": SIGNED_IN}, status_code=204, sync_to_thread=True)
    def password(self, data: PasswordChange, request: Request[Caller, Any, Any], runtime: Runtime) -> None:
        """Change the caller's password; all other browsers are signed out."""
        signed_in = _signed_in(request)
        _with_bad_credentials_as_400(
            runtime.accounts.sign_ins.change_password, signed_in.user.id, data.old, data.new, signed_in.token
        )
        request.user.wrote("password changed", signed_in.user.email)

    @post("/totp/begin", opt={"may": SIGNED_IN}, status_code=200, sync_to_thread=True)
    def begin_totp(self, request: Request[Caller, Any, Any], runtime: Runtime) -> AuthenticatorSecret:
        """Create a secret for an authenticator application. Returns it as an `otpauth` URI and as a QR code (SVG)."""
        address = runtime.accounts.sign_ins.begin_totp(_signed_in(request).user)
        picture = segno.make(address, micro=False).svg_data_uri(scale=4, border=2)
        return AuthenticatorSecret(address, picture)

    @post("/totp", opt={"may": SIGNED_IN}, status_code=200, sync_to_thread=True)
    def confirm_totp(self, data: Code, request: Request[Caller, Any, Any], runtime: Runtime) -> RecoveryCodes:
        """Turn the second factor on. The answer contains recovery codes, which are shown only now."""
        user = _signed_in(request).user
        codes: list[str] = _with_bad_credentials_as_400(runtime.accounts.sign_ins.confirm_totp, user.id, data.code)
        request.user.wrote("second factor changed", user.email, now="authenticator application")
        return RecoveryCodes(codes)

    @post("/totp/remove", opt={"may": SIGNED_IN}, status_code=204, sync_to_thread=True)
    def remove_totp(self, data: Code, request: Request[Caller, Any, Any], runtime: Runtime) -> None:
        """Turn the second factor off."""
        user = _signed_in(request).user
        _with_bad_credentials_as_400(runtime.accounts.sign_ins.remove_totp, user.id, data.code)
        request.user.wrote("second factor changed", user.email, now="none")

    @get("/passkeys", opt={"may": SIGNED_IN}, sync_to_thread=True)
    def passkeys(self, request: Request[Caller, Any, Any], runtime: Runtime) -> list[PasskeyShown]:
        """List the caller's passkeys."""
        return [
            PasskeyShown(passkey.id, passkey.name, passkey.created_at.isoformat() + "Z",
                         passkey.used_at.isoformat() + "Z" if passkey.used_at else None)
            for passkey in runtime.accounts.passkeys.all(_signed_in(request).user.id)
        ]  # fmt: skip

    @post("/passkeys/begin", opt={"may": SIGNED_IN}, status_code=200, sync_to_thread=True)
    def begin_passkey(self, request: Request[Caller, Any, Any], runtime: Runtime) -> PasskeyChallenge:
        """Start the registration of a passkey. Returns `options` for `navigator.credentials.create`, and the
        `challenge` to send with the result.
        """
        return PasskeyChallenge(**runtime.accounts.passkeys.begin(_signed_in(request).user, site_of(request, runtime)))

    @post("/passkeys", opt={"may": SIGNED_IN}, status_code=204, sync_to_thread=True)
    def add_passkey(self, data: NewPasskey, request: Request[Caller, Any, Any], runtime: Runtime) -> None:
        """Store the passkey that the device created."""
        user, site = _signed_in(request).user, site_of(request, runtime)
        _with_bad_credentials_as_400(
            runtime.accounts.passkeys.add, user.id, site, data.challenge, data.credential, data.name
        )
        request.user.wrote("passkey changed", user.email, added=data.name)

    @delete("/passkeys/{passkey_id:str}", opt={"may": SIGNED_IN}, sync_to_thread=True)
    def remove_passkey(self, passkey_id: str, request: Request[Caller, Any, Any], runtime: Runtime) -> None:
        """Remove a passkey."""
        user = _signed_in(request).user
        if not runtime.accounts.passkeys.remove(user.id, passkey_id):
            raise NotFoundException("you have no such passkey")
        request.user.wrote("passkey changed", user.email, removed=passkey_id)

    @post("/invitations/{token:str}", opt={"may": SIGNED_IN}, status_code=204, sync_to_thread=True)
    def accept(self, token: str, request: Request[Caller, Any, Any], runtime: Runtime) -> None:
        """Accept an invitation as the signed-in user."""
        invitation = _with_bad_credentials_as_400(
            runtime.accounts.sign_ins.accept_as, token, _signed_in(request).user.id
        )
        request.user.wrote("member changed", invitation.account_id or invitation.role, invitation.project_id)


def _signed_in(request: Request[Caller, Any, Any]) -> Any:
    return request.user.signed_in


def _with_bad_credentials_as_400(function: Any, *arguments: Any) -> Any:
    """Call a function; turn refused credentials into 400, because 401 would sign the user out."""
    try:
        return function(*arguments)
    except BadCredentials as error:
        raise ClientException(str(error)) from error
