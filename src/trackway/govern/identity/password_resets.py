"""Passwords that were forgotten: links that are good once, for half an hour, and that are kept only as a hash."""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, sessionmaker

from trackway.govern.identity.sign_ins import BadCredentials, hash_password, replace_password
from trackway.govern.tables import OneUse, User, hashed, moment

LINK_MINUTES = 30


class Resets:
    """Makes the words of such links, and takes them."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions

    def begin(self, email: str) -> tuple[User, str] | None:
        """The user of an address and the word of a link for them; None when there is no such user."""
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
        """Give the user of a link another password. It signs them out everywhere, ends all of their links, and signs
        nobody in, so that a second factor is asked for as before.

        Raises:
            BadCredentials: the link is no good (any more).
            BadAccount: the password is too short; the link stays good.
        """
        kept = hash_password(password)
        with self._sessions.begin() as session:
            # One statement takes it, so that of two requests at once one finds it.
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
