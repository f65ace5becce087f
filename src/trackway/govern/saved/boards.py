"""Boards: put together by people, and shown to others by links that can be taken back."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from trackway.event import new_id
from trackway.govern.tables import Board, Share, hashed, moment


class Boards:
    """Reads and writes them.

    Args:
        sessions: makes sessions of the accounts database.
    """

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions

    def every(self, project_id: UUID) -> list[Board]:
        """A project's boards, by name."""
        statement = (
            select(Board)
            .where(Board.project_id == str(project_id), Board.removed_at.is_(None))
            .order_by(Board.name, Board.id)
        )
        with self._sessions() as session:
            return list(session.scalars(statement))

    def one(self, project_id: UUID, board_id: UUID) -> Board | None:
        """One of them."""
        with self._sessions() as session:
            return _own(session, project_id, board_id)

    def add(self, project_id: UUID, name: str, body: Any, by: str) -> Board:
        """Make a board."""
        now = moment()
        made = Board(
            id=str(new_id()), project_id=str(project_id), name=name, body=body, created_by=by, created_at=now,
            updated_at=now,
        )  # fmt: skip
        with self._sessions.begin() as session:
            session.add(made)
        return made

    def change(self, project_id: UUID, board_id: UUID, name: str | None, body: Any) -> Board | None:
        """Change what is given; None when there is no such board."""
        with self._sessions.begin() as session:
            found = _own(session, project_id, board_id)
            if found is None:
                return None
            found.name = found.name if name is None else name
            found.body = found.body if body is None else body
            found.updated_at = moment()
            return found

    def remove(self, project_id: UUID, board_id: UUID, back: bool = False) -> bool:
        """Take a board away, or bring it `back`; its links do not work meanwhile. False when there is none."""
        with self._sessions.begin() as session:
            found = _own(session, project_id, board_id, removed=back)
            if found is None:
                return False
            found.removed_at = None if back else moment()
            return True

    def share(self, board_id: UUID, days: int | None, by: str) -> tuple[Share, str]:
        """Make a link for so many days, or for ever; and its token, which is shown only now."""
        token = secrets.token_urlsafe(24)
        now = moment()
        made = Share(
            id=str(new_id()), board_id=str(board_id), token=hashed(token), created_by=by, created_at=now,
            expires_at=None if days is None else now + timedelta(days=days),
        )  # fmt: skip
        with self._sessions.begin() as session:
            session.add(made)
        return made, token

    def shares(self, board_id: UUID) -> list[Share]:
        """A board's links that work, the newest first."""
        statement = select(Share).where(Share.board_id == str(board_id), _works()).order_by(Share.created_at.desc())
        with self._sessions() as session:
            return list(session.scalars(statement))

    def revoke(self, board_id: UUID, share_id: UUID) -> bool:
        """Make a link useless; False when the board has no such link."""
        with self._sessions.begin() as session:
            found = session.get(Share, str(share_id))
            if found is None or found.board_id != str(board_id) or found.revoked_at:
                return False
            found.revoked_at = moment()
            return True

    def shared(self, token: str) -> Board | None:
        """The board that a link shows; None when it does not work, for whatever reason."""
        statement = (
            select(Board)
            .join(Share, Share.board_id == Board.id)
            .where(Share.token == hashed(token), _works(), Board.removed_at.is_(None))
        )
        with self._sessions() as session:
            return session.scalars(statement).first()


def _own(session: Session, project_id: UUID, board_id: UUID, removed: bool = False) -> Board | None:
    """A board, when it is the project's and is there, or `removed`."""
    found = session.get(Board, str(board_id))
    own = found is not None and found.project_id == str(project_id) and bool(found.removed_at) == removed
    return found if own else None


def _works() -> Any:
    return Share.revoked_at.is_(None) & (Share.expires_at.is_(None) | (Share.expires_at > moment()))
