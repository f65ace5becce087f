"""Connections (sources of a project's orders) and watches (URLs notified of segment changes)."""

from __future__ import annotations

from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from trackway.event import new_id
from trackway.govern.identity.encryption import SecretCipher
from trackway.govern.saved.tables import Connection, Watch
from trackway.govern.tables import utc_now

_Row = TypeVar("_Row", Connection, Watch)


class _RowsWithSecret(Generic[_Row]):
    """Rows of a project that contain an encrypted secret.

    Args:
        sessions: creates sessions of the accounts database.
        cipher: encrypts and decrypts the secrets.
    """

    table: type[_Row]

    def __init__(self, sessions: sessionmaker[Session], cipher: SecretCipher) -> None:
        self._sessions, self._cipher = sessions, cipher

    def all(self, project_id: UUID | None = None) -> list[_Row]:
        """Return the rows of a project, or of all projects, the oldest first."""
        statement = select(self.table).order_by(self.table.id)
        if project_id is not None:
            statement = statement.where(self.table.project_id == str(project_id))
        with self._sessions() as session:
            return list(session.scalars(statement))

    def get(self, row_id: UUID, project_id: UUID | None = None) -> _Row | None:
        """Return a row by id; None when there is none, or when it belongs to another project than the given one."""
        with self._sessions() as session:
            row = session.get(self.table, str(row_id))
            return row if row is not None and project_id in (None, UUID(row.project_id)) else None

    def secret(self, row: _Row) -> str:
        """Decrypt the secret of a row."""
        return self._cipher.decrypt(row.secret)

    def add(self, project_id: UUID, by: str, secret: str, **columns: Any) -> _Row:
        """Add a row with an encrypted secret."""
        row = self.table(
            id=str(new_id()), project_id=str(project_id), secret=self._cipher.encrypt(secret), active=True, problem="",
            created_by=by, created_at=utc_now(), **columns,
        )  # fmt: skip
        with self._sessions.begin() as session:
            session.add(row)
        return row

    def change(self, row_id: UUID | str, **columns: Any) -> None:
        """Change the given columns of a row; a `secret` is encrypted. Does nothing when the row no longer exists."""
        if "secret" in columns:
            columns["secret"] = self._cipher.encrypt(columns["secret"])
        with self._sessions.begin() as session:
            row = session.get(self.table, str(row_id))
            if row is not None:
                for name, value in columns.items():
                    setattr(row, name, value)

    def remove(self, row_id: UUID, project_id: UUID) -> bool:
        """Delete a row. Returns False when the project has no such row."""
        with self._sessions.begin() as session:
            row = session.get(self.table, str(row_id))
            if row is None or row.project_id != str(project_id):
                return False
            session.delete(row)
        return True


class Connections(_RowsWithSecret[Connection]):
    """Connections to shops, payment providers and databases."""

    table = Connection

    def record_report(self, connection_id: str, reports: int, problem: str | None = "") -> None:
        """Record the number of reports taken, and the problem of the last one (empty: none; None: leave the problem
        unchanged).
        """
        with self._sessions.begin() as session:
            connection = session.get(Connection, connection_id)
            if connection is not None:
                connection.taken += reports
                connection.last_at = utc_now() if reports else connection.last_at
                connection.problem = connection.problem if problem is None else problem[:1000]


class Watches(_RowsWithSecret[Watch]):
    """URLs that are notified when people enter or leave a segment."""

    table = Watch
