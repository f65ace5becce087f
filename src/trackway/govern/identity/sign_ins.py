"""Sign-ins by password (with a second factor if the user has one), by invitation and by OpenID Connect provider; the
list of signed-in browsers. Passkeys are in `passkeys.py`.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from trackway.event import new_id
from trackway.govern.identity.encryption import SecretCipher
from trackway.govern.tables import (
    Account,
    BadAccount,
    Invitation,
    Membership,
    OneUse,
    OutsideIdentity,
    SignIn,
    User,
    hashed,
    utc_now,
)

SIGN_IN_DAYS = 30
INVITATION_DAYS = 7
SHORTEST_PASSWORD = 10
RECOVERY_CODES = 8
_CODE_S = 90
_SEEN_EVERY = timedelta(minutes=1)
_hasher = PasswordHasher()


class BadCredentials(Exception):
    """A refused sign-in. The text says what to do, and does not reveal which of the credentials were right."""


class CodeNeeded(BadCredentials):
    """The password is right, but a code of the authenticator application is needed as well."""


class SignedIn(NamedTuple):
    """A signed-in browser: the cookie's value, the CSRF token that changing requests must carry, the user and the id of
    the sign-in.
    """

    token: str
    csrf: str
    user: User
    id: str


class RequestOrigin(NamedTuple):
    """The origin of a sign-in: IP address and user agent."""

    address: str = ""
    agent: str = ""


UNKNOWN_ORIGIN = RequestOrigin()


class SignIns:
    """Signs users in and out, and stores their second factors and invitations."""

    def __init__(self, sessions: sessionmaker[Session], cipher: SecretCipher) -> None:
        self._sessions, self._cipher = sessions, cipher

    def by_password(
        self, email: str, password: str, code: str = "", origin: RequestOrigin = UNKNOWN_ORIGIN
    ) -> SignedIn:
        """Sign in with e-mail address and password and, if the user has an authenticator application, its code or a
        recovery code.

        Raises:
            BadCredentials: the credentials are wrong; the answer takes equally long when no user has the e-mail
                address.
            CodeNeeded: e-mail address and password are right, and the code is missing.
        """
        with self._sessions.begin() as session:
            user = session.scalar(select(User).where(User.email == email.strip().lower()))
            try:
                _hasher.verify((user and user.password) or _nobody(), password)
            except (VerificationError, InvalidHashError):
                user = None
            if user is None:
                raise BadCredentials("the e-mail address or the password is wrong")
            if user.totp:
                self._second(session, user, code)
            if _hasher.check_needs_rehash(user.password):
                user.password = _hasher.hash(password)
            return self.open(session, user, "password and code" if user.totp else "password", origin)

    def _second(self, session: Session, user: User, code: str) -> None:
        code = code.replace(" ", "").strip()
        if not code:
            raise CodeNeeded("enter the code of your authenticator application, or a recovery code")
        totp = pyotp.TOTP(self._cipher.decrypt(user.totp))
        if totp.verify(code, valid_window=1):
            # A code works only once, even while it is still valid.
            session.add(OneUse(token=hashed(f"{user.id} {code}"), kind="totp", user_id=user.id, body={},
                               expires_at=utc_now() + timedelta(seconds=_CODE_S)))  # fmt: skip
            try:
                session.flush()
            except IntegrityError as error:
                raise BadCredentials("this code was used; wait for the next one") from error
            return
        if self._redeem(session, "recovery", f"{user.id} {code.lower()}") is None:
            raise BadCredentials("the code is wrong or has expired")

    @staticmethod
    def open(session: Session, user: User, method: str, origin: RequestOrigin) -> SignedIn:
        """Sign a browser in, inside an open transaction."""
        session.execute(delete(SignIn).where(SignIn.expires_at < utc_now()))
        session.execute(delete(OneUse).where(OneUse.expires_at < utc_now()))
        token, csrf, id_ = secrets.token_urlsafe(32), secrets.token_urlsafe(24), str(new_id())
        session.add(SignIn(
            id=id_, token=hashed(token), user_id=user.id, csrf=csrf, way=method, address=origin.address[:64],
            agent=origin.agent[:300], created_at=utc_now(), seen_at=utc_now(),
            expires_at=utc_now() + timedelta(days=SIGN_IN_DAYS),
        ))  # fmt: skip
        return SignedIn(token, csrf, user, id_)

    def signed_in(self, token: str) -> SignedIn | None:
        """Return the sign-in that a cookie's value belongs to; None when it is unknown or expired."""
        with self._sessions() as session:
            sign_in = session.get(SignIn, hashed(token))
            if sign_in is None or sign_in.expires_at < utc_now():
                return None
            if sign_in.seen_at is None or utc_now() - sign_in.seen_at > _SEEN_EVERY:
                sign_in.seen_at = utc_now()
                session.commit()
            user = session.get(User, sign_in.user_id)
            return SignedIn(token, sign_in.csrf, user, sign_in.id) if user else None

    def all(self, user_id: str) -> list[SignIn]:
        """Return a user's sign-ins that are in force, the newest first."""
        statement = select(SignIn).where(SignIn.user_id == user_id, SignIn.expires_at >= utc_now())
        with self._sessions() as session:
            return list(session.scalars(statement.order_by(SignIn.created_at.desc())))

    def sign_out(self, token: str) -> None:
        """End the sign-in of a browser."""
        with self._sessions.begin() as session:
            session.execute(delete(SignIn).where(SignIn.token == hashed(token)))

    def revoke(self, user_id: str, sign_in_id: str) -> bool:
        """End one of a user's sign-ins. Returns False when the user has none with this id."""
        with self._sessions.begin() as session:
            sign_in = session.scalar(select(SignIn).where(SignIn.id == sign_in_id, SignIn.user_id == user_id))
            if sign_in is not None:
                session.delete(sign_in)
            return sign_in is not None

    def change_password(self, user_id: str, old: str, new: str, keep: str) -> None:
        """Change a user's own password and end all of the user's other sign-ins.

        Args:
            keep: the cookie's value of the sign-in that stays.

        Raises:
            BadCredentials: the old password is wrong.
            BadAccount: the new password is too short.
        """
        with self._sessions.begin() as session:
            user = session.get_one(User, user_id)
            try:
                if user.password:
                    _hasher.verify(user.password, old)
            except (VerificationError, InvalidHashError) as error:
                raise BadCredentials("the old password is wrong") from error
            replace_password(session, user, hash_password(new), hashed(keep))

    # Codes of an authenticator application (TOTP, RFC 6238)

    def begin_totp(self, user: User) -> str:
        """Create a secret for an authenticator application and return it as an `otpauth` URI. It takes effect when
        `confirm_totp` confirms it.
        """
        secret = pyotp.random_base32()
        self.store_token(
            "totp setup", user.id, {"secret": self._cipher.encrypt(secret)}, timedelta(minutes=10), name=user.id
        )
        return pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name="Trackway")

    def confirm_totp(self, user_id: str, code: str) -> list[str]:
        """Turn the second factor on and return recovery codes. Each code works once; they are shown only now.

        Raises:
            BadCredentials: there is no secret to confirm, or the code does not match it.
        """
        with self._sessions.begin() as session:
            setup = session.get(OneUse, hashed(f"totp setup {user_id}"))
            if setup is None or setup.expires_at < utc_now():
                raise BadCredentials("there is no authenticator setup to confirm; start again")
            if not pyotp.TOTP(self._cipher.decrypt(setup.body["secret"])).verify(code.strip(), valid_window=1):
                raise BadCredentials("the code is wrong; check the clock of your device")
            session.get_one(User, user_id).totp = setup.body["secret"]
            session.delete(setup)
            session.execute(delete(OneUse).where(OneUse.user_id == user_id, OneUse.kind == "recovery"))
            codes = [secrets.token_hex(5) for _ in range(RECOVERY_CODES)]
            for recovery_code in codes:
                session.add(
                    OneUse(
                        token=hashed(f"recovery {user_id} {recovery_code}"),
                        kind="recovery",
                        user_id=user_id,
                        body={},
                        expires_at=utc_now() + timedelta(days=36_500),
                    )
                )
        return codes

    def remove_totp(self, user_id: str, code: str) -> None:
        """Turn the second factor off. Raises BadCredentials when the code is wrong."""
        with self._sessions.begin() as session:
            user = session.get_one(User, user_id)
            if user.totp:
                self._second(session, user, code or "none")
            user.totp = ""
            session.execute(delete(OneUse).where(OneUse.user_id == user_id, OneUse.kind == "recovery"))

    # Single-use tokens

    def store_token(self, kind: str, user_id: str, body: dict[str, Any], until: timedelta, name: str = "") -> str:
        """Store a body for a limited time. Returns the token that `take` redeems: `name`, or a random one."""
        token = name or secrets.token_urlsafe(24)
        with self._sessions.begin() as session:
            session.merge(OneUse(token=hashed(f"{kind} {token}"), kind=kind, user_id=user_id, body=body,
                                 expires_at=utc_now() + until))  # fmt: skip
        return token

    def redeem_token(self, kind: str, token: str) -> dict[str, Any] | None:
        """Redeem a token: return its body and delete it. Returns None when the token is unknown, used or expired."""
        with self._sessions.begin() as session:
            return self._redeem(session, kind, token)

    @staticmethod
    def _redeem(session: Session, kind: str, token: str) -> dict[str, Any] | None:
        stored = session.get(OneUse, hashed(f"{kind} {token}"))
        if stored is None or stored.expires_at < utc_now():
            return None
        session.delete(stored)
        body: dict[str, Any] = stored.body
        return body

    # Invitations

    def invite(self, project_id: UUID, email: str, role: str, account_id: str, by: str) -> tuple[Invitation, str]:
        """Invite somebody to be a member with a role, or to sign in for an account. Returns the invitation and the
        link's token.
        """
        token = secrets.token_urlsafe(32)
        invitation = Invitation(
            id=str(new_id()), project_id=str(project_id), email=email.strip().lower(), role=role,
            account_id=account_id, token=hashed(token), created_by=by, created_at=utc_now(),
            expires_at=utc_now() + timedelta(days=INVITATION_DAYS),
        )  # fmt: skip
        with self._sessions.begin() as session:
            session.add(invitation)
        return invitation, token

    def invitations(self, project_id: UUID) -> list[Invitation]:
        """Return a project's open invitations, the newest first."""
        statement = select(Invitation).where(
            Invitation.project_id == str(project_id), Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None),
            Invitation.expires_at > utc_now(),
        )  # fmt: skip
        with self._sessions() as session:
            return list(session.scalars(statement.order_by(Invitation.id.desc())))

    def revoke_invitation(self, project_id: UUID, invitation_id: str) -> Invitation | None:
        """Revoke an invitation. Returns None when the project has none with this id."""
        with self._sessions.begin() as session:
            invitation = session.get(Invitation, invitation_id)
            if invitation is None or invitation.project_id != str(project_id):
                return None
            invitation.revoked_at = utc_now()
            return invitation

    def invitation(self, token: str) -> Invitation:
        """Return the invitation of a link. Raises BadCredentials when it is unknown, used, revoked or expired."""
        with self._sessions() as session:
            return _open_invitation(session, token)

    def accept(self, token: str, password: str, origin: RequestOrigin = UNKNOWN_ORIGIN) -> tuple[SignedIn, Invitation]:
        """Accept an invitation and sign in: as a new user with a new password, or as an existing user with their
        password.

        Raises:
            BadCredentials: the invitation is not valid, or the password of the existing user is wrong.
            BadAccount: the new password is too short.
            CodeNeeded: the user has an authenticator application and must sign in first.
        """
        with self._sessions.begin() as session:
            invitation = _open_invitation(session, token)
            user = session.scalar(select(User).where(User.email == invitation.email))
            if user is None:
                user = User(
                    id=str(new_id()), email=invitation.email, password=hash_password(password), created_at=utc_now()
                )
                session.add(user)
                session.flush()
            else:
                if user.totp:
                    raise CodeNeeded("sign in first, then open the invitation again")
                try:
                    _hasher.verify(user.password or _nobody(), password)
                except (VerificationError, InvalidHashError) as error:
                    raise BadCredentials("you already have an account here; enter its password") from error
            self._let_in(session, invitation, user)
            return self.open(session, user, "invitation", origin), invitation

    def accept_as(self, token: str, user_id: str) -> Invitation:
        """Accept an invitation as the signed-in user. Raises BadCredentials when it is for somebody else."""
        with self._sessions.begin() as session:
            invitation = _open_invitation(session, token)
            user = session.get_one(User, user_id)
            if user.email != invitation.email:
                raise BadCredentials(f"the invitation is for {invitation.email}; sign in as that user")
            self._let_in(session, invitation, user)
            return invitation

    @staticmethod
    def _let_in(session: Session, invitation: Invitation, user: User) -> None:
        invitation.accepted_at = utc_now()
        if not invitation.account_id:
            session.merge(Membership(user_id=user.id, project_id=invitation.project_id, role=invitation.role))
        elif account := session.get(Account, (invitation.project_id, invitation.account_id)):
            account.email = user.email

    # Users of an OpenID Connect provider

    def by_provider(self, issuer: str, subject: str, email: str, verified: bool, origin: RequestOrigin) -> SignedIn:
        """Sign in a user whom an OpenID Connect provider has authenticated. The user is found by the provider's
        subject, or at the first time by a verified e-mail address.

        Raises:
            BadCredentials: there is no such user; somebody has to invite them first.
        """
        with self._sessions.begin() as session:
            identity = session.get(OutsideIdentity, (issuer, subject))
            user = session.get(User, identity.user_id) if identity else None
            if user is None and verified:
                user = session.scalar(select(User).where(User.email == email.strip().lower()))
                if user is not None:
                    session.merge(OutsideIdentity(issuer=issuer, subject=subject, user_id=user.id))
            if user is None:
                raise BadCredentials(
                    "no user has the e-mail address that the provider confirmed; ask for an invitation"
                )
            return self.open(session, user, "provider", origin)


def _open_invitation(session: Session, token: str) -> Invitation:
    invitation = session.scalar(select(Invitation).where(Invitation.token == hashed(token)))
    if invitation is None or invitation.accepted_at or invitation.revoked_at or invitation.expires_at < utc_now():
        raise BadCredentials("this invitation is no longer valid; ask for another")
    return invitation


def hash_password(password: str) -> str:
    """Hash a password with Argon2id. Raises BadAccount when it is too short."""
    if len(password) < SHORTEST_PASSWORD:
        raise BadAccount(f"the password has fewer than {SHORTEST_PASSWORD} characters")
    return _hasher.hash(password)


def replace_password(session: Session, user: User, password_hash: str, keep: str = "") -> None:
    """Set a user's password hash, end the user's sign-ins except the one whose token has the hash `keep`, and
    invalidate their reset links. The caller hashes the password before the transaction, because hashing is slow.
    """
    user.password = password_hash
    session.execute(delete(SignIn).where(SignIn.user_id == user.id, SignIn.token != keep))
    session.execute(delete(OneUse).where(OneUse.user_id == user.id, OneUse.kind == "reset"))


@cache
def _nobody() -> str:
    """Return a hash to verify when there is no such user, so that the answer takes as long as for an existing user."""
    return _hasher.hash(secrets.token_hex(16))
