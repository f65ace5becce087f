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
from trackway.govern.identity.sign_ins import BadCredentials, SignedIn, SignIns, Where
from trackway.govern.tables import Passkey, User, moment

_TIME = timedelta(minutes=5)


class Site(NamedTuple):
    """The relying party of passkeys: the host name (`rp_id`) and the origin of the pages."""

    host: str
    origin: str


class Passkeys:
    """Registers passkeys of users and signs users in with them."""

    def __init__(self, sessions: sessionmaker[Session], sign_ins: SignIns) -> None:
        self._sessions, self._sign_ins = sessions, sign_ins

    def every(self, user_id: str) -> list[Passkey]:
        """Return a user's passkeys, the oldest first."""
        with self._sessions() as session:
            return list(session.scalars(select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id)))

    def begin(self, user: User, site: Site) -> dict[str, Any]:
        """Start a registration. Returns the options for `navigator.credentials.create`, and the `word` that `add`
        takes.
        """
        options = webauthn.generate_registration_options(
            rp_id=site.host, rp_name="Trackway", user_id=user.id.encode(), user_name=user.email,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=one.credential_id) for one in self.every(user.id)],
        )  # fmt: skip
        return self._begun("passkey made", user.id, options)

    def add(self, user_id: str, site: Site, word: str, credential: dict[str, Any], name: str) -> Passkey:
        """Verify and store a new passkey.

        Raises:
            BadCredentials: the registration has expired or belongs to another user, or the credential is not valid.
        """
        begun = self._sign_ins.take("passkey made", word)
        if begun is None or begun["user"] != user_id:
            raise BadCredentials("begin again: too much time has passed")
        try:
            found = webauthn.verify_registration_response(
                credential=credential, expected_challenge=base64url_to_bytes(begun["challenge"]),
                expected_rp_id=site.host, expected_origin=site.origin, require_user_verification=True,
            )  # fmt: skip
        except (WebAuthnException, ValueError, TypeError, KeyError) as error:
            raise BadCredentials(f"the passkey cannot be taken: {error}") from error
        made = Passkey(
            id=str(new_id()), user_id=user_id, credential_id=found.credential_id,
            public_key=found.credential_public_key, counter=found.sign_count, name=name or "Passkey",
            created_at=moment(),
        )  # fmt: skip
        with self._sessions.begin() as session:
            session.add(made)
        return made

    def remove(self, user_id: str, passkey_id: str) -> bool:
        """Remove a passkey. Returns False when the user has no passkey with this id."""
        with self._sessions.begin() as session:
            found = session.get(Passkey, passkey_id)
            if found is None or found.user_id != user_id:
                return False
            session.delete(found)
            return True

    def ask(self, site: Site) -> dict[str, Any]:
        """Start a sign-in. Returns the options for `navigator.credentials.get`, and the `word` that `sign_in` takes.

        The options name no user: the passkey that the device chooses identifies the user.
        """
        options = webauthn.generate_authentication_options(
            rp_id=site.host, user_verification=UserVerificationRequirement.REQUIRED
        )
        return self._begun("passkey asked", "", options)

    def sign_in(self, site: Site, word: str, credential: dict[str, Any], where: Where) -> SignedIn:
        """Sign in with a device's answer.

        Raises:
            BadCredentials: the challenge has expired or was used, the passkey is unknown, or the answer is not valid.
        """
        begun = self._sign_ins.take("passkey asked", word)
        if begun is None:
            raise BadCredentials("begin again: too much time has passed, or this answer was used")
        with self._sessions.begin() as session:
            try:
                known = session.scalar(
                    select(Passkey).where(Passkey.credential_id == base64url_to_bytes(str(credential.get("id", ""))))
                )
                if known is None:
                    raise BadCredentials("nobody here has this passkey")
                found = webauthn.verify_authentication_response(
                    credential=credential, expected_challenge=base64url_to_bytes(begun["challenge"]),
                    expected_rp_id=site.host, expected_origin=site.origin, credential_public_key=known.public_key,
                    credential_current_sign_count=known.counter, require_user_verification=True,
                )  # fmt: skip
            except (WebAuthnException, ValueError, TypeError, KeyError) as error:
                raise BadCredentials("the passkey's answer is wrong") from error
            known.counter, known.used_at = found.new_sign_count, moment()
            return self._sign_ins.open(session, session.get_one(User, known.user_id), "passkey", where)

    def _begun(self, kind: str, user_id: str, options: Any) -> dict[str, Any]:
        body = {"challenge": bytes_to_base64url(options.challenge), "user": user_id}
        word = self._sign_ins.keep(kind, user_id, body, _TIME)
        return {"word": word, "options": json.loads(webauthn.options_to_json(options))}
