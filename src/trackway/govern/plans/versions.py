"""Stored versions of tracking plans, and the cache by which the collector checks messages."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from trackway.event import Message, Violation
from trackway.govern.plans.plan import BadPlan, Checker, Plan
from trackway.govern.reading import Reading
from trackway.govern.tables import WrittenPlan, utc_now

if TYPE_CHECKING:
    from trackway.govern.database import GovernDatabase

logger = logging.getLogger("trackway.govern")


class Plans:
    """Reads and writes the versions of projects' tracking plans.

    Args:
        sessions: creates sessions of the accounts database.
    """

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions

    def versions(self, project_id: UUID) -> list[WrittenPlan]:
        """Return every version of a project's plan, the newest first."""
        statement = (
            select(WrittenPlan).where(WrittenPlan.project_id == str(project_id)).order_by(WrittenPlan.version.desc())
        )
        with self._sessions() as session:
            return list(session.scalars(statement))

    def written(self, project_id: UUID, version: int | None = None) -> WrittenPlan | None:
        """Return the row of the plan in force, or of one version; None when there is none."""
        statement = select(WrittenPlan).where(WrittenPlan.project_id == str(project_id))
        if version is not None:
            statement = statement.where(WrittenPlan.version == version)
        with self._sessions() as session:
            return session.scalars(statement.order_by(WrittenPlan.version.desc()).limit(1)).first()

    def current(self, project_id: UUID, version: int | None = None) -> tuple[int, Plan] | None:
        """Return the version number and the plan in force, or those of one version; None when there is none."""
        row = self.written(project_id, version)
        return None if row is None else (row.version, msgspec.convert(row.body, Plan))

    def write(self, project_id: UUID, plan: Plan, by: str) -> int:
        """Put a plan in force and return its version. An unchanged plan makes no new version."""
        before = self.current(project_id)
        if before is not None and before[1] == plan:
            return before[0]
        row = WrittenPlan(
            project_id=str(project_id),
            version=1 + (before[0] if before else 0),
            body=msgspec.to_builtins(plan),
            created_by=by,
            created_at=utc_now(),
        )
        with self._sessions.begin() as session:
            session.add(row)
        return row.version

    def newest(self) -> dict[str, int]:
        """Return the version in force for each project."""
        statement = select(WrittenPlan.project_id, func.max(WrittenPlan.version)).group_by(WrittenPlan.project_id)
        with self._sessions() as session:
            return dict(session.execute(statement).tuples().all())


class WrittenPlans:
    """Checks messages against the plans in force; reads them again every few seconds."""

    def __init__(self, accounts: GovernDatabase, seconds: float = 5.0) -> None:
        self._plans, self._seconds = accounts.plans, seconds
        self._checkers: dict[bytes, tuple[int, Checker]] = {}
        self._read_at, self._reading = -seconds, Reading(self._read)

    def check(self, project_id: bytes, message: Message) -> list[Violation]:
        """Return the violations of a message against its project's plan; an empty list when the project has no plan."""
        if time.monotonic() - self._read_at > self._seconds:
            self._reading()
        rule = self._checkers.get(project_id)
        return rule[1].check(message) if rule else []

    def _read(self) -> None:
        self._read_at = time.monotonic()
        checkers: dict[bytes, tuple[int, Checker]] = {}
        try:
            for name, version in self._plans.newest().items():
                project_id = UUID(name)
                before = self._checkers.get(project_id.bytes)
                if before is None or before[0] != version:
                    current: Any = self._plans.current(project_id, version)
                    before = (version, Checker(current[1]))
                checkers[project_id.bytes] = before
        except BadPlan as error:
            logger.error("a tracking plan is invalid and is not checked: %s", error)
        except SQLAlchemyError as error:
            logger.error("plans cannot be read; the last known ones stay in use: %s", getattr(error, "orig", error))
            return
        self._checkers = checkers
