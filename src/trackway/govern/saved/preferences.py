"""Preferences that users stated themselves: what they like, what they mute, when they cleared the rest, and whether
they opted out of all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    bindparam,
    cast,
    delete,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, sessionmaker

from trackway.govern.saved.tables import OptOut, StatedPreference
from trackway.govern.tables import BadAccount, utc_now

MOST = 1000
"""The most preferences that one user states."""
LONGEST_KEY, LONGEST_VALUE = 100, 200
"""Characters."""
_LONGEST = {"user_id": 200, "key": LONGEST_KEY, "value": LONGEST_VALUE}


_OF_PERSON: BindParameter[list[str]] = bindparam("ids", expanding=True)
_SAID = union_all(
    select(StatedPreference.key, StatedPreference.value, StatedPreference.likes, StatedPreference.at)
    .where(StatedPreference.project_id == bindparam("project"), StatedPreference.user_id.in_(_OF_PERSON)),
    select(literal(""), literal(""), cast(null(), Boolean), OptOut.at)
    .where(OptOut.project_id == bindparam("project"), OptOut.user_id.in_(_OF_PERSON)),
)  # fmt: skip
"""The statements of a person, and a row without `likes` for each user id that opted out. Built once: each answer about
a person needs it, and building it takes several times as long as asking."""


class Stated(NamedTuple):
    """The statements of a person since they cleared all, for each key and value whether they like it, and since when;
    interactions up to `cleared_at` say nothing about them any more. With `opted_out`, nothing may be said about them at
    all.
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
        values = {"project": str(project_id), "ids": sorted(user_ids)}
        with self._sessions() as session:
            read = session.connection().execute(_SAID, values).all()
        rows = sorted((row for row in read if row.likes is not None), key=lambda row: row.at)
        cleared_at = max((row.at for row in rows if not row.key), default=datetime.min)
        said = {
            (row.key, row.value): (row.likes, row.at.replace(tzinfo=UTC))
            for row in rows if row.key and row.at >= cleared_at
        }  # fmt: skip
        since = cleared_at.replace(tzinfo=UTC) if cleared_at > datetime.min else None
        return Stated(said, since, opted_out=len(rows) < len(read))

    def opted_out(self, project_id: UUID, user_ids: Iterable[str]) -> set[str]:
        """Return those of the users who opted out."""
        found: set[str] = set()
        with self._sessions() as session:
            for some in _portions(user_ids):
                out = select(OptOut.user_id).where(OptOut.project_id == str(project_id), OptOut.user_id.in_(some))
                found.update(session.scalars(out))
        return found

    def all_opted_out(self, project_id: UUID) -> set[str]:
        """Return all users of a project who opted out."""
        with self._sessions() as session:
            return set(session.scalars(select(OptOut.user_id).where(OptOut.project_id == str(project_id))))

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
        _check(user_id=user_id)
        with self._sessions.begin() as session:
            session.merge(OptOut(project_id=str(project_id), user_id=user_id, at=utc_now()))

    def opt_in(self, project_id: UUID, user_id: str) -> None:
        """Take back an opt-out; nothing happens without one."""
        with self._sessions.begin() as session:
            session.execute(delete(OptOut).where(OptOut.project_id == str(project_id), OptOut.user_id == user_id))

    def state(self, project_id: UUID, user_id: str, key: str, value: str, likes: bool) -> None:
        """Record that a user likes a value of a key, or mutes it.

        Raises:
            BadAccount: the key, the value or the user id is empty or too long or has a character NUL, or the user
                stated 1,000 already.
        """
        _check(user_id=user_id, key=key, value=value)
        with self._sessions.begin() as session:
            _write(session, project_id, user_id, key, value, likes)
            # After the row is written: SQLite gives up at once where others write between reading and writing.
            stated = (*_of(project_id, user_id), StatedPreference.key != "")
            if (session.scalar(select(func.count()).select_from(StatedPreference).where(*stated)) or 0) > MOST:
                raise BadAccount(f"the user stated {MOST} preferences already; take one back first")

    def take_back(self, project_id: UUID, user_ids: Iterable[str], key: str, value: str) -> bool:
        """Forget that a person stated something under any of their user ids. Returns False when they had not."""
        of_person = (StatedPreference.project_id == str(project_id), StatedPreference.user_id.in_(sorted(user_ids)))
        stated = (*of_person, StatedPreference.key == key, StatedPreference.value == value)
        with self._sessions.begin() as session:
            return bool(session.scalars(delete(StatedPreference).where(*stated).returning(StatedPreference.key)).all())

    def clear(self, project_id: UUID, user_id: str) -> None:
        """Forget everything that a user stated, and let their interactions up to now say nothing any more.

        Raises:
            BadAccount: the user id is too long or has a character NUL.
        """
        _check(user_id=user_id)
        with self._sessions.begin() as session:
            # First, so that of two who clear at the same time one waits: they could hold rows that the other one needs.
            _write(session, project_id, user_id, "", "", False)
            session.execute(delete(StatedPreference).where(*_of(project_id, user_id), StatedPreference.key != ""))


def _portions(user_ids: Iterable[str], size: int = 500) -> Iterator[list[str]]:
    """Divide user ids into lists that a statement of any database may have."""
    ids = sorted(user_ids)
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def _check(**texts: str) -> None:
    for name, text in texts.items():
        if not 1 <= len(text) <= _LONGEST[name]:
            raise BadAccount(f"{name} has 1 to {_LONGEST[name]} characters")
        if "\0" in text:
            raise BadAccount(f"{name} has a character NUL; leave it out")


def _of(project_id: UUID, user_id: str) -> tuple[ColumnElement[bool], ...]:
    return StatedPreference.project_id == str(project_id), StatedPreference.user_id == user_id


def _write(session: Session, project_id: UUID, user_id: str, key: str, value: str, likes: bool) -> None:
    """Write a row, in the place of one with the same key and value: others may write it at the same time."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    identity = {"project_id": str(project_id), "user_id": user_id, "key": key, "value": value}
    said = {"likes": likes, "at": utc_now()}
    row = insert(StatedPreference).values(**identity, **said)
    session.execute(row.on_conflict_do_update(index_elements=list(identity), set_=said))
