"""Preferences that users stated themselves: what they like, what they mute, and when they cleared the rest."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session, sessionmaker

from trackway.govern.saved.tables import StatedPreference
from trackway.govern.tables import BadAccount, utc_now

MOST = 1000
"""The most preferences that one user states."""
_LONGEST_KEY, _LONGEST_VALUE, _LONGEST_USER = 100, 200, 200


class Stated(NamedTuple):
    """The statements of a person: for each key and value whether they like it, and since when; interactions up to
    `cleared_at` say nothing about them any more.
    """

    preferences: dict[tuple[str, str], tuple[bool, datetime]]
    cleared_at: datetime | None


class StatedPreferences:
    """Reads and writes what users stated.

    Args:
        sessions: creates sessions of the accounts database.
    """

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions

    def of(self, project_id: UUID, user_ids: Iterable[str]) -> Stated:
        """Return what a person stated under any of their user ids; of two statements, the newer counts."""
        mine = (StatedPreference.project_id == str(project_id), StatedPreference.user_id.in_(sorted(user_ids)))
        with self._sessions() as session:
            rows = list(session.scalars(select(StatedPreference).where(*mine).order_by(StatedPreference.at)))
        said = {(row.key, row.value): (row.likes, row.at.replace(tzinfo=UTC)) for row in rows if row.key}
        cleared = [row.at.replace(tzinfo=UTC) for row in rows if not row.key]
        return Stated(said, max(cleared, default=None))

    def state(self, project_id: UUID, user_id: str, key: str, value: str, likes: bool) -> None:
        """Record that a user likes a value of a key, or mutes it.

        Raises:
            BadAccount: the key, the value or the user id is empty or too long, or the user stated 1,000 already.
        """
        for name, text, most in (
            ("key", key, _LONGEST_KEY), ("value", value, _LONGEST_VALUE), ("user_id", user_id, _LONGEST_USER),
        ):  # fmt: skip
            if not 1 <= len(text) <= most:
                raise BadAccount(f"{name} has 1 to {most} characters")
        with self._sessions.begin() as session:
            of_user = (StatedPreference.project_id == str(project_id), StatedPreference.user_id == user_id)
            number = session.scalar(select(func.count()).select_from(StatedPreference).where(*of_user)) or 0
            row = session.get(StatedPreference, (str(project_id), user_id, key, value))
            if row is None and number >= MOST:
                raise BadAccount(f"the user stated {MOST} preferences already; take one back first")
            session.merge(_row(project_id, user_id, key, value, likes))

    def take_back(self, project_id: UUID, user_id: str, key: str, value: str) -> bool:
        """Forget that a user stated something. Returns False when they had not."""
        with self._sessions.begin() as session:
            row = session.get(StatedPreference, (str(project_id), user_id, key, value))
            if row is not None:
                session.delete(row)
            return row is not None

    def clear(self, project_id: UUID, user_id: str) -> None:
        """Forget everything that a user stated, and let their interactions up to now say nothing any more."""
        of_user = (StatedPreference.project_id == str(project_id), StatedPreference.user_id == user_id)
        with self._sessions.begin() as session:
            session.execute(delete(StatedPreference).where(*of_user))
            session.add(_row(project_id, user_id, "", "", False))


def _row(project_id: UUID, user_id: str, key: str, value: str, likes: bool) -> StatedPreference:
    return StatedPreference(
        project_id=str(project_id), user_id=user_id, key=key, value=value, likes=likes, at=utc_now()
    )  # fmt: skip
