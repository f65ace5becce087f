"""Imports and exports of files, and their progress."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from trackway.event import new_id
from trackway.govern.saved.tables import Transfer
from trackway.govern.tables import utc_now

OPEN = ("waiting", "running")
KEPT_DAYS = 7


class Transfers:
    """Reads and writes transfers.

    Args:
        sessions: creates sessions of the accounts database.
    """

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions

    def all(self, project_id: UUID) -> list[Transfer]:
        """Return a project's transfers, the newest first."""
        statement = select(Transfer).where(Transfer.project_id == str(project_id)).order_by(Transfer.id.desc())
        with self._sessions() as session:
            return list(session.scalars(statement))

    def unfinished(self) -> list[Transfer]:
        """Return the waiting and running transfers of all projects, the oldest first."""
        statement = select(Transfer).where(Transfer.state.in_(OPEN)).order_by(Transfer.id)
        with self._sessions() as session:
            return list(session.scalars(statement))

    def outdated(self) -> list[Transfer]:
        """Return the transfers that ended more than KEPT_DAYS ago."""
        statement = select(Transfer).where(Transfer.ended_at < utc_now() - timedelta(days=KEPT_DAYS))
        with self._sessions() as session:
            return list(session.scalars(statement))

    def get(self, project_id: UUID, transfer_id: UUID) -> Transfer | None:
        """Return a transfer of a project, or None."""
        with self._sessions() as session:
            transfer = session.get(Transfer, str(transfer_id))
            return transfer if transfer is not None and transfer.project_id == str(project_id) else None

    def add(self, project_id: UUID, kind: str, name: str, form: str, asked: Any, by: str) -> Transfer:
        """Add a transfer that waits to be run."""
        transfer = Transfer(
            id=str(new_id()), project_id=str(project_id), kind=kind, name=name[:200], form=form, asked=asked,
            state="waiting", done=0, total=0, outcome={}, message="", created_by=by, created_at=utc_now(),
        )  # fmt: skip
        with self._sessions.begin() as session:
            session.add(transfer)
        return transfer

    def change(self, transfer_id: str, **columns: Any) -> None:
        """Update a transfer. A state that is not open also sets its end time."""
        with self._sessions.begin() as session:
            transfer = session.get(Transfer, transfer_id)
            if transfer is None:
                return
            for name, value in columns.items():
                setattr(transfer, name, value)
            if transfer.state not in OPEN:
                transfer.ended_at = transfer.ended_at or utc_now()

    def forget(self, transfer_id: str) -> None:
        """Delete a transfer."""
        with self._sessions.begin() as session:
            transfer = session.get(Transfer, transfer_id)
            if transfer is not None:
                session.delete(transfer)
