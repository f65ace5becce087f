"""Passkeys (WebAuthn). A user's devices hold the private keys; the accounts database stores only the public keys."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, NamedTuple

import webauthn
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from trackway.event import new_id
from trackway.govern.identity.sign_ins import BadCredentials, RequestOrigin, SignedIn, SignIns
from trackway.govern.tables import Passkey, User, utc_now

_TIME = timedelta(minutes=5)


class Site(NamedTuple):
    """The relying party of passkeys: the host name (`rp_id`) and the origin of the pages."""

    host: str
    origin: str


class Passkeys:
    """Registers passkeys of users and signs users in with them."""

    def __init__(self, sessions: sessionmaker[Session], sign_ins: SignIns) -> None:
        self._sessions, self._sign_ins = sessions, sign_ins

    def all(self, user_id: str) -> list[Passkey]:
        """Return a user's passkeys, the oldest first."""
        with self._sessions() as session:
            return list(session.scalars(select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id)))

    def begin(self, user: User, site: Site) -> dict[str, Any]:
        """Start a registration. Returns the options for `navigator.credentials.create`, and the `challenge` that `add`
        takes.
        """
        options = webauthn.generate_registration_options(
            rp_id=site.host,
            rp_name="Trackway",
            user_id=user.id.encode(),
            user_name=user.email,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[
                PublicKeyCredentialDescriptor(id=passkey.credential_id) for passkey in self.all(user.id)
            ],
        )
        return self._with_challenge("passkey made", user.id, options)

    def add(self, user_id: str, site: Site, challenge: str, credential: dict[str, Any], name: str) -> Passkey:
        """Verify and store a new passkey.

        Raises:
            BadCredentials: the registration has expired or belongs to another user, or the credential is not valid.
        """
        registration = self._sign_ins.redeem_token("passkey made", challenge)
        if registration is None or registration["user"] != user_id:
            raise BadCredentials("the registration has expired; start again")
        try:
            verified = webauthn.verify_registration_response(
                credential=credential, expected_challenge=base64url_to_bytes(registration["challenge"]),
                expected_rp_id=site.host, expected_origin=site.origin, require_user_verification=True,
            )  # fmt: skip
        except (WebAuthnException, ValueError, TypeError, KeyError) as error:
            raise BadCredentials(f"the passkey is not valid: {error}") from error
        passkey = Passkey(
            id=str(new_id()), user_id=user_id, credential_id=verified.credential_id,
            public_key=verified.credential_public_key, counter=verified.sign_count, name=name or "Passkey",
            created_at=utc_now(),
        )  # fmt: skip
        with self._sessions.begin() as session:
            session.add(passkey)
        return passkey

    def remove(self, user_id: str, passkey_id: str) -> bool:
        """Remove a passkey. Returns False when the user has no passkey with this id."""
        with self._sessions.begin() as session:
            passkey = session.get(Passkey, passkey_id)
            if passkey is None or passkey.user_id != user_id:
                return False
            session.delete(passkey)
            return True

    def ask(self, site: Site) -> dict[str, Any]:
        """Start a sign-in. Returns the options for `navigator.credentials.get`, and the `challenge` that `sign_in`
        takes.

        The options name no user: the passkey that the device chooses identifies the user.
        """
        options = webauthn.generate_authentication_options(
            rp_id=site.host, user_verification=UserVerificationRequirement.REQUIRED
        )
        return self._with_challenge("passkey asked", "", options)

    def sign_in(self, site: Site, challenge: str, credential: dict[str, Any], origin: RequestOrigin) -> SignedIn:
        """Sign in with a device's answer.

        Raises:
            BadCredentials: the challenge has expired or was used, the passkey is unknown, or the answer is not valid.
        """
        stored = self._sign_ins.redeem_token("passkey asked", challenge)
        if stored is None:
            raise BadCredentials("the sign-in has expired or was used already; start again")
        with self._sessions.begin() as session:
            try:
                passkey = session.scalar(
                    select(Passkey).where(Passkey.credential_id == base64url_to_bytes(str(credential.get("id", ""))))
                )
                if passkey is None:
                    raise BadCredentials("no user has this passkey")
                verified = webauthn.verify_authentication_response(
                    credential=credential, expected_challenge=base64url_to_bytes(stored["challenge"]),
                    expected_rp_id=site.host, expected_origin=site.origin, credential_public_key=passkey.public_key,
                    credential_current_sign_count=passkey.counter, require_user_verification=True,
                )  # fmt: skip
            except (WebAuthnException, ValueError, TypeError, KeyError) as error:
                raise BadCredentials("the passkey's response is not valid") from error
            passkey.counter, passkey.used_at = verified.new_sign_count, utc_now()
            return self._sign_ins.open(session, session.get_one(User, passkey.user_id), "passkey", origin)

    def _with_challenge(self, kind: str, user_id: str, options: Any) -> dict[str, Any]:
        body = {"challenge": bytes_to_base64url(options.challenge), "user": user_id}
        return {
            "challenge": self._sign_ins.store_token(kind, user_id, body, _TIME),
            "options": json.loads(webauthn.options_to_json(options)),
        }
