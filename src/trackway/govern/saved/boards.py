"""Boards (pages of tiles that users compose) and the links that share them, which can be revoked."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from trackway.event import new_id
from trackway.govern.saved.tables import Board, Share
from trackway.govern.tables import hashed, utc_now


class Boards:
    """Reads and writes boards and their links.

    Args:
        sessions: creates sessions of the accounts database.
    """

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions

    def all(self, project_id: UUID) -> list[Board]:
        """Return a project's boards, by name."""
        statement = (
            select(Board)
            .where(Board.project_id == str(project_id), Board.removed_at.is_(None))
            .order_by(Board.name, Board.id)
        )
        with self._sessions() as session:
            return list(session.scalars(statement))

    def get(self, project_id: UUID, board_id: UUID) -> Board | None:
        """Return a board of a project; None when there is none or it is removed."""
        with self._sessions() as session:
            return _own(session, project_id, board_id)

    def add(self, project_id: UUID, name: str, body: Any, by: str) -> Board:
        """Create a board."""
        now = utc_now()
        board = Board(
            id=str(new_id()), project_id=str(project_id), name=name, body=body, created_by=by, created_at=now,
            updated_at=now,
        )  # fmt: skip
        with self._sessions.begin() as session:
            session.add(board)
        return board

    def change(self, project_id: UUID, board_id: UUID, name: str | None, body: Any) -> Board | None:
        """Change the name or body of a board, where given. Returns None when there is no such board."""
        with self._sessions.begin() as session:
            board = _own(session, project_id, board_id)
            if board is None:
                return None
            board.name = board.name if name is None else name
            board.body = board.body if body is None else body
            board.updated_at = utc_now()
            return board

    def remove(self, project_id: UUID, board_id: UUID, back: bool = False) -> bool:
        """Remove a board, or restore it with `back`. Its links do not work while it is removed. Returns False when
        there is no such board.
        """
        with self._sessions.begin() as session:
            board = _own(session, project_id, board_id, removed=back)
            if board is None:
                return False
            board.removed_at = None if back else utc_now()
            return True

    def share(self, board_id: UUID, days: int | None, by: str) -> tuple[Share, str]:
        """Create a link that works for `days`, or without end. Returns it with its token, which is shown only now."""
        token = secrets.token_urlsafe(24)
        now = utc_now()
        link = Share(
            id=str(new_id()), board_id=str(board_id), token=hashed(token), created_by=by, created_at=now,
            expires_at=None if days is None else now + timedelta(days=days),
        )  # fmt: skip
        with self._sessions.begin() as session:
            session.add(link)
        return link, token

    def shares(self, board_id: UUID) -> list[Share]:
        """Return a board's links that work, the newest first."""
        statement = select(Share).where(Share.board_id == str(board_id), _works()).order_by(Share.created_at.desc())
        with self._sessions() as session:
            return list(session.scalars(statement))

    def revoke(self, board_id: UUID, share_id: UUID) -> bool:
        """Revoke a link. Returns False when the board has no such link."""
        with self._sessions.begin() as session:
            link = session.get(Share, str(share_id))
            if link is None or link.board_id != str(board_id) or link.revoked_at:
                return False
            link.revoked_at = utc_now()
            return True

    def shared(self, token: str) -> Board | None:
        """Return the board that a link shows; None when the link is unknown, revoked or expired, or the board is
        removed.
        """
        statement = (
            select(Board)
            .join(Share, Share.board_id == Board.id)
            .where(Share.token == hashed(token), _works(), Board.removed_at.is_(None))
        )
        with self._sessions() as session:
            return session.scalars(statement).first()


def _own(session: Session, project_id: UUID, board_id: UUID, removed: bool = False) -> Board | None:
    """Return a board if it belongs to the project and its removal state is `removed`."""
    board = session.get(Board, str(board_id))
    matches = board is not None and board.project_id == str(project_id) and bool(board.removed_at) == removed
    return board if matches else None


def _works() -> Any:
    return Share.revoked_at.is_(None) & (Share.expires_at.is_(None) | (Share.expires_at > utc_now()))
