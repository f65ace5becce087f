"""Preferences that users stated themselves: what they like, what they mute, when they cleared the rest, and whether
they opted out of all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session, sessionmaker

from trackway.govern.saved.tables import OptOut, StatedPreference
from trackway.govern.tables import BadAccount, utc_now

MOST = 1000
"""The most preferences that one user states."""
_LONGEST_KEY, _LONGEST_VALUE, _LONGEST_USER = 100, 200, 200


class Stated(NamedTuple):
    """The statements of a person: for each key and value whether they like it, and since when; interactions up to
    `cleared_at` say nothing about them any more. With `opted_out`, nothing may be said about them at all.
    """

    preferences: dict[tuple[str, str], tuple[bool, datetime]]
    cleared_at: datetime | None
    opted_out: bool


class StatedPreferences:
    """Reads and writes what users stated.

    Args:
        sessions: creates sessions of the accounts database.
    """

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions

    def of(self, project_id: UUID, user_ids: Iterable[str]) -> Stated:
        """Return what a person stated under any of their user ids; of two statements, the newer counts."""
        ids = sorted(user_ids)
        mine = (StatedPreference.project_id == str(project_id), StatedPreference.user_id.in_(ids))
        out = select(OptOut.user_id).where(OptOut.project_id == str(project_id), OptOut.user_id.in_(ids)).limit(1)
        with self._sessions() as session:
            rows = list(session.scalars(select(StatedPreference).where(*mine).order_by(StatedPreference.at)))
            opted_out = session.scalar(out) is not None
        said = {(row.key, row.value): (row.likes, row.at.replace(tzinfo=UTC)) for row in rows if row.key}
        cleared = [row.at.replace(tzinfo=UTC) for row in rows if not row.key]
        return Stated(said, max(cleared, default=None), opted_out)

    def opted_out(self, project_id: UUID, user_ids: Iterable[str]) -> set[str]:
        """Return those of the users who opted out."""
        found: set[str] = set()
        with self._sessions() as session:
            for some in _portions(user_ids):
                out = select(OptOut.user_id).where(OptOut.project_id == str(project_id), OptOut.user_id.in_(some))
                found.update(session.scalars(out))
        return found

    def cleared(self, project_id: UUID, user_ids: Mapping[int, Iterable[str]]) -> dict[int, datetime]:
        """Return the persons who cleared their preferences under any of their user ids, and when they last did."""
        person_of = {user_id: person for person, ids in user_ids.items() for user_id in ids}
        found: dict[int, datetime] = {}
        with self._sessions() as session:
            for some in _portions(person_of):
                cleared = select(StatedPreference.user_id, StatedPreference.at).where(
                    StatedPreference.project_id == str(project_id), StatedPreference.user_id.in_(some),
                    StatedPreference.key == "",
                )  # fmt: skip
                for user_id, at in session.execute(cleared):
                    person, at = person_of[user_id], at.replace(tzinfo=UTC)
                    found[person] = max(found.get(person, at), at)
        return found

    def opt_out(self, project_id: UUID, user_id: str) -> None:
        """Record that a user wants nothing to be said about them. Raises BadAccount: the user id is empty or too
        long.
        """
        if not 1 <= len(user_id) <= _LONGEST_USER:
            raise BadAccount(f"user_id has 1 to {_LONGEST_USER} characters")
        with self._sessions.begin() as session:
            session.merge(OptOut(project_id=str(project_id), user_id=user_id, at=utc_now()))

    def opt_in(self, project_id: UUID, user_id: str) -> None:
        """Take back an opt-out; nothing happens without one."""
        with self._sessions.begin() as session:
            session.execute(delete(OptOut).where(OptOut.project_id == str(project_id), OptOut.user_id == user_id))

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


def _portions(user_ids: Iterable[str], size: int = 500) -> Iterator[list[str]]:
    """Divide user ids into lists that a statement of any database may have."""
    ids = sorted(user_ids)
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def _row(project_id: UUID, user_id: str, key: str, value: str, likes: bool) -> StatedPreference:
    return StatedPreference(
        project_id=str(project_id), user_id=user_id, key=key, value=value, likes=likes, at=utc_now()
    )  # fmt: skip
