"""Things that users save in a project: segments, cohorts, questions and annotations; with what people prefer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from trackway.event import new_id
from trackway.govern.saved.preferences import StatedPreferences
from trackway.govern.saved.tables import Annotation, SavedQuestion, Segment
from trackway.govern.tables import utc_now

_Row = TypeVar("_Row", Segment, SavedQuestion, Annotation)


class Saved:
    """Reads and writes segments, questions and annotations.

    Args:
        sessions: creates sessions of the accounts database.
    """

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions
        self.preferences = StatedPreferences(sessions)
        self.version = 0
        """A counter that grows with every change; cached answers that depend on saved things use it as a key."""

    def touch(self) -> None:
        """Invalidate cached answers that depend on saved things."""
        self.version += 1

    def segments(self, project_id: UUID) -> list[Segment]:
        """Return a project's segments and cohorts, by name."""
        statement = select(Segment).where(Segment.project_id == str(project_id)).order_by(Segment.name, Segment.id)
        with self._sessions() as session:
            return list(session.scalars(statement))

    def segment(self, project_id: UUID, segment_id: UUID) -> Segment | None:
        """Return a segment of a project, or None."""
        with self._sessions() as session:
            segment = session.get(Segment, str(segment_id))
            return segment if segment is not None and segment.project_id == str(project_id) else None

    def add_segment(self, project_id: UUID, name: str, kind: str, filter_: Any, by: str) -> Segment:
        """Save a filter (`live`) or the name of a list (`list`)."""
        segment = Segment(
            id=str(new_id()), project_id=str(project_id), name=name, kind=kind, filter=filter_, created_by=by,
            created_at=utc_now(),
        )  # fmt: skip
        return self._add(segment)

    def change_segment(self, project_id: UUID, segment_id: UUID, name: str | None, filter_: Any) -> Segment | None:
        """Change the name of a segment, or the filter of a `live` one, where given. Returns None when there is no such
        segment.
        """
        with self._sessions.begin() as session:
            segment = session.get(Segment, str(segment_id))
            if segment is None or segment.project_id != str(project_id):
                return None
            segment.name = segment.name if name is None else name
            if filter_ is not None and segment.kind == "live":
                segment.filter = filter_
            self.version += 1
            return segment

    def remove_segment(self, project_id: UUID, segment_id: UUID) -> bool:
        """Delete a segment. Returns False when there is none with this id."""
        return self._remove(Segment, project_id, segment_id)

    def questions(self, project_id: UUID) -> list[SavedQuestion]:
        """Return a project's saved questions, by name."""
        statement = (
            select(SavedQuestion)
            .where(SavedQuestion.project_id == str(project_id))
            .order_by(SavedQuestion.name, SavedQuestion.id)
        )
        with self._sessions() as session:
            return list(session.scalars(statement))

    def add_question(self, project_id: UUID, name: str, ask: Any, by: str) -> SavedQuestion:
        """Save a question under a name."""
        question = SavedQuestion(
            id=str(new_id()), project_id=str(project_id), name=name, ask=ask, created_by=by, created_at=utc_now()
        )
        return self._add(question)

    def remove_question(self, project_id: UUID, question_id: UUID) -> bool:
        """Delete a saved question. Returns False when there is none with this id."""
        return self._remove(SavedQuestion, project_id, question_id)

    def annotations(self, project_id: UUID, since: datetime, until: datetime) -> list[Annotation]:
        """Return the annotations in [since, until), the oldest first."""
        statement = (
            select(Annotation)
            .where(Annotation.project_id == str(project_id), Annotation.at >= _naive(since), Annotation.at <
            _naive(until)) .order_by(Annotation.at, Annotation.id)
        )  # fmt: skip
        with self._sessions() as session:
            return list(session.scalars(statement))

    def annotate(self, project_id: UUID, at: datetime, text: str, by: str) -> Annotation:
        """Save a note about a moment."""
        annotation = Annotation(
            id=str(new_id()), project_id=str(project_id), at=_naive(at), text=text, created_by=by, created_at=utc_now()
        )
        return self._add(annotation)

    def remove_annotation(self, project_id: UUID, annotation_id: UUID) -> bool:
        """Delete an annotation. Returns False when there is none with this id."""
        return self._remove(Annotation, project_id, annotation_id)

    def _add(self, row: _Row) -> _Row:
        with self._sessions.begin() as session:
            session.add(row)
        self.version += 1
        return row

    def _remove(self, table: type[_Row], project_id: UUID, row_id: UUID) -> bool:
        with self._sessions.begin() as session:
            row = session.get(table, str(row_id))
            if row is None or row.project_id != str(project_id):
                return False
            session.delete(row)
        self.version += 1
        return True


def _naive(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
