"""Password reset links. Each link works once and for half an hour; only a hash of its token is stored."""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, sessionmaker

from trackway.govern.identity.sign_ins import BadCredentials, hash_password, replace_password
from trackway.govern.tables import OneUse, User, hashed, utc_now

LINK_MINUTES = 30


class PasswordResets:
    """Creates the tokens of password reset links and redeems them."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions

    def begin(self, email: str) -> tuple[User, str] | None:
        """Return the user with this e-mail address and a new link token; None when there is no such user."""
        with self._sessions.begin() as session:
            user = session.scalar(select(User).where(User.email == email.strip().lower()))
            if user is None:
                return None
            token = secrets.token_urlsafe(32)
            session.execute(delete(OneUse).where(OneUse.expires_at < utc_now()))
            session.add(OneUse(token=_token_hash(token), kind="reset", user_id=user.id, body={},
                               expires_at=utc_now() + timedelta(minutes=LINK_MINUTES)))  # fmt: skip
            return user, token

    def finish(self, token: str, password: str) -> User:
        """Set a new password for the user of a link. This ends all of the user's sign-ins and reset links. It does not
        sign the user in, so that the next sign-in asks for the second factor as usual.

        Raises:
            BadCredentials: the link is unknown, used or expired.
            BadAccount: the password is too short; the link stays valid.
        """
        password_hash = hash_password(password)
        with self._sessions.begin() as session:
            # A single DELETE redeems the token, so that only one of two simultaneous requests succeeds.
            redeem = delete(OneUse).where(
                OneUse.token == _token_hash(token), OneUse.kind == "reset", OneUse.expires_at >= utc_now()
            )
            user_id = session.scalar(redeem.returning(OneUse.user_id))
            user = session.get(User, user_id) if user_id is not None else None
            if user is None:
                raise BadCredentials("this link is no longer valid; ask for another")
            replace_password(session, user, password_hash)
            return user


def _token_hash(token: str) -> str:
    return hashed(f"reset {token}")
