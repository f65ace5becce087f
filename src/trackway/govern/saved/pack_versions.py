"""Versions of the metrics pack of each project, numbered from 1: who changed it and when."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from trackway.govern.saved.tables import PackVersion
from trackway.govern.tables import Project, utc_now


def number(session: Session, project: Project, metrics: str, by: str) -> None:
    """Give a project another pack, as its next version."""
    if metrics == project.metrics:
        return
    if session.get(PackVersion, (project.id, project.metrics_version)) is None:
        session.add(_first(project))
    project.metrics, project.metrics_version = metrics, project.metrics_version + 1
    session.add(PackVersion(
        project_id=project.id, version=project.metrics_version, metrics=metrics, created_by=by, created_at=utc_now()
    ))  # fmt: skip


class PackVersions:
    """Reads and writes the versions of metrics packs.

    Args:
        sessions: creates sessions of the accounts database.
    """

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions

    def all(self, project: Project) -> list[PackVersion]:
        """Return every version, the newest first."""
        statement = select(PackVersion).where(PackVersion.project_id == project.id).order_by(PackVersion.version.desc())
        with self._sessions() as session:
            return list(session.scalars(statement)) or [_first(project)]

    def one(self, project: Project, version: int) -> PackVersion | None:
        """Return a version, or None."""
        return next((kept for kept in self.all(project) if kept.version == version), None)

    def write(self, project_id: UUID, metrics: str, by: str, after: int) -> Project | None:
        """Give a project another pack, unless somebody else has changed it since the version `after`: None."""
        with self._sessions.begin() as session:
            project = session.get(Project, str(project_id), with_for_update=True)
            if project is None or project.metrics_version != after:
                return None
            number(session, project, metrics, by)
        return project


def _first(project: Project) -> PackVersion:
    """The version of a project whose pack has never been changed."""
    return PackVersion(
        project_id=project.id, version=project.metrics_version, metrics=project.metrics, created_by="",
        created_at=project.created_at,
    )  # fmt: skip
