"""Password reset links. Each link works once and for half an hour; only a hash of its token is stored."""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, sessionmaker

from trackway.govern.identity.sign_ins import BadCredentials, hash_password, replace_password
from trackway.govern.tables import OneUse, User, hashed, moment

LINK_MINUTES = 30


class Resets:
    """Creates the tokens of password reset links and redeems them."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions

    def begin(self, email: str) -> tuple[User, str] | None:
        """Return the user with this e-mail address and a new link token; None when there is no such user."""
        with self._sessions.begin() as session:
            user = session.scalar(select(User).where(User.email == email.strip().lower()))
            if user is None:
                return None
            word = secrets.token_urlsafe(32)
            session.execute(delete(OneUse).where(OneUse.expires_at < moment()))
            session.add(OneUse(token=_kept(word), kind="reset", user_id=user.id, body={},
                               expires_at=moment() + timedelta(minutes=LINK_MINUTES)))  # fmt: skip
            return user, word

    def finish(self, word: str, password: str) -> User:
        """Set a new password for the user of a link. This ends all of the user's sign-ins and reset links. It does not
        sign the user in, so that the next sign-in asks for the second factor as usual.

        Raises:
            BadCredentials: the link is unknown, used or expired.
            BadAccount: the password is too short; the link stays valid.
        """
        kept = hash_password(password)
        with self._sessions.begin() as session:
            # A single DELETE redeems the token, so that only one of two simultaneous requests succeeds.
            taken = delete(OneUse).where(
                OneUse.token == _kept(word), OneUse.kind == "reset", OneUse.expires_at >= moment()
            )
            user_id = session.scalar(taken.returning(OneUse.user_id))
            user = session.get(User, user_id) if user_id is not None else None
            if user is None:
                raise BadCredentials("this link does not work any more; ask for another")
            replace_password(session, user, kept)
            return user


def _kept(word: str) -> str:
    return hashed(f"reset {word}")
