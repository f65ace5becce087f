"""Connections (sources of a project's orders) and watches (addresses notified of segment changes)."""

from __future__ import annotations

from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from trackway.event import new_id
from trackway.govern.identity.sealing import Sealer
from trackway.govern.saved.tables import Connection, Watch
from trackway.govern.tables import moment

_Kept = TypeVar("_Kept", Connection, Watch)


class _Sealed(Generic[_Kept]):
    """Rows of a project that contain an encrypted secret.

    Args:
        sessions: makes sessions of the accounts database.
        sealer: encrypts and decrypts the secrets.
    """

    table: type[_Kept]

    def __init__(self, sessions: sessionmaker[Session], sealer: Sealer) -> None:
        self._sessions, self._sealer = sessions, sealer

    def every(self, project_id: UUID | None = None) -> list[_Kept]:
        """Return the rows of a project, or of all projects, the oldest first."""
        statement = select(self.table).order_by(self.table.id)
        if project_id is not None:
            statement = statement.where(self.table.project_id == str(project_id))
        with self._sessions() as session:
            return list(session.scalars(statement))

    def one(self, one: UUID, project_id: UUID | None = None) -> _Kept | None:
        """Return a row by id; None when there is none, or when it belongs to another project than the given one."""
        with self._sessions() as session:
            found = session.get(self.table, str(one))
            return found if found is not None and project_id in (None, UUID(found.project_id)) else None

    def secret(self, one: _Kept) -> str:
        """Decrypt the secret of a row."""
        return self._sealer.open(one.secret)

    def add(self, project_id: UUID, by: str, secret: str, **given: Any) -> _Kept:
        """Add a row with an encrypted secret."""
        made = self.table(
            id=str(new_id()), project_id=str(project_id), secret=self._sealer.seal(secret), active=True, problem="",
            created_by=by, created_at=moment(), **given,
        )  # fmt: skip
        with self._sessions.begin() as session:
            session.add(made)
        return made

    def change(self, one: UUID | str, **given: Any) -> None:
        """Change the given columns of a row; a `secret` is encrypted. Does nothing when the row no longer exists."""
        if "secret" in given:
            given["secret"] = self._sealer.seal(given["secret"])
        with self._sessions.begin() as session:
            found = session.get(self.table, str(one))
            if found is not None:
                for name, value in given.items():
                    setattr(found, name, value)

    def remove(self, one: UUID, project_id: UUID) -> bool:
        """Delete a row. Returns False when the project has no such row."""
        with self._sessions.begin() as session:
            found = session.get(self.table, str(one))
            if found is None or found.project_id != str(project_id):
                return False
            session.delete(found)
        return True


class Connections(_Sealed[Connection]):
    """Connections to shops, payment providers and databases."""

    table = Connection

    def reported(self, one: str, taken: int, problem: str | None = "") -> None:
        """Record the number of reports taken, and the problem of the last one (empty: none; None: leave the problem
        unchanged).
        """
        with self._sessions.begin() as session:
            found = session.get(Connection, one)
            if found is not None:
                found.taken += taken
                found.last_at = moment() if taken else found.last_at
                found.problem = found.problem if problem is None else problem[:1000]


class Watches(_Sealed[Watch]):
    """Addresses that are notified when people enter or leave a segment."""

    table = Watch
