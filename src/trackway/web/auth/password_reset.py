"""Password reset by a link that is sent by mail. Access: anybody."""

from __future__ import annotations

import logging
import smtplib
import threading
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from litestar import Controller, Request, post
from litestar.exceptions import ClientException, NotAuthorizedException

from trackway.govern.identity.password_resets import LINK_MINUTES
from trackway.govern.identity.sign_ins import BadCredentials, RequestOrigin
from trackway.operate.mail import send_mail
from trackway.runtime import Runtime
from trackway.web.auth.sign_in import Password, Short, origin_of_links
from trackway.web.server.caller import ANYBODY, origin_of
from trackway.web.server.limits import Limits

logger = logging.getLogger("trackway.web")

_OPEN: Any = {"exclude_from_auth": True, "opt": {"may": ANYBODY}}
_MAILS = {
    "en": (
        "Reset your password for {host}",
        """Somebody requested a new password for {email} at {host}.

Open this link within {minutes} minutes to choose a new password. The link works once:

{link}

If it was not you, do nothing: your password does not change.
""",
    ),
    "de": (
        "Ein neues Passwort für {host}",
        """Jemand hat für {email} auf {host} ein neues Passwort angefordert.

Öffnen Sie diesen Link innerhalb von {minutes} Minuten, um ein neues Passwort zu wählen. Der Link gilt einmal:

{link}

Wenn Sie das nicht waren, brauchen Sie nichts zu tun: Ihr Passwort bleibt unverändert.
""",
    ),
}
"""Subject and text of the mail by language."""


class Forgotten(msgspec.Struct, forbid_unknown_fields=True):
    """The user who has forgotten the password, and the language of the mail."""

    email: Short
    language: Literal["en", "de"] = "en"


class NewPassword(msgspec.Struct, forbid_unknown_fields=True):
    """The token of the link (its last part), and the new password of at least ten characters."""

    token: Short
    password: Password


class PasswordReset(Controller):
    """`/api/v1/password-resets`"""

    path = "/api/v1/password-resets"
    tags = ("signing in",)

    @post("/", **_OPEN, status_code=204, sync_to_thread=True)
    def ask(self, data: Forgotten, request: Request[Any, Any, Any], runtime: Runtime, limits: Limits) -> None:
        """Send a reset link to the user with this e-mail address. The answer is the same when there is no such user.
        409 when the server sends no mail.
        """
        origin = origin_of_links(request, runtime)
        if not origin:
            raise ClientException(
                "this server sends no links by mail (smtp_host and url are not set); an administrator sets another "
                "password with `trackway user password EMAIL`",
                status_code=409,
            )
        request_origin = origin_of(request)
        limits.may_ask_for_link(request_origin, data.email)
        # A separate thread, so that the response time does not reveal whether the user exists.
        threading.Thread(target=_send, args=(runtime, data, origin, request_origin), daemon=True).start()

    @post("/finish", **_OPEN, status_code=204, sync_to_thread=True)
    def finish(self, data: NewPassword, request: Request[Any, Any, Any], runtime: Runtime, limits: Limits) -> None:
        """Set a new password for the user of a link, once. All of the user's browsers are signed out; the user then
        signs in with the new password, and with a code if they have a second factor.
        """
        request_origin = origin_of(request)
        limits.may_sign_in(request_origin, "a link")
        try:
            user = runtime.accounts.resets.finish(data.token, data.password)
        except BadCredentials as error:
            limits.failed(request_origin, "a link")
            runtime.accounts.audit.write("a link", "sign-in refused", str(error), "", request_origin.address)
            raise NotAuthorizedException(str(error)) from error
        runtime.accounts.audit.write(
            user.email,
            "password changed",
            user.email,
            "",
            request_origin.address,
            {"with": "a link that was sent by mail"},
        )


def _send(runtime: Runtime, data: Forgotten, origin: str, request_origin: RequestOrigin) -> None:
    try:
        user_and_token = runtime.accounts.resets.begin(data.email)
        if user_and_token is None:
            return
        user, token = user_and_token
        runtime.accounts.audit.write("somebody", "password forgotten", user.email, "", request_origin.address)
        host = urlsplit(origin).netloc
        values = {"email": user.email, "host": host, "minutes": LINK_MINUTES, "link": f"{origin}/password/{token}"}
        subject, text = (part.format(**values) for part in _MAILS[data.language])
        send_mail(runtime.settings, user.email, subject, text)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        logger.error("a link to reset a password was not sent (smtp_host): %s", error)
    except Exception:
        logger.exception("a link to reset a password was not sent")
