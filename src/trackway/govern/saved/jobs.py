"""The job table: schedules, leases and run history of recurring work."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from cronsim import CronSim, CronSimError
from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from trackway.event import new_id
from trackway.govern.saved.tables import Job, JobRun, SentDigest
from trackway.govern.tables import utc_now

LEASE = timedelta(minutes=2)
KEPT = timedelta(days=90)


class BadSchedule(ValueError):
    """A schedule that is not valid cron, or an unknown job."""


def next_after(schedule: str, at: datetime) -> datetime:
    """Return the next time (UTC) at which a cron schedule is due.

    Raises:
        BadSchedule: the schedule is not valid cron.
    """
    try:
        return next(CronSim(schedule, at.replace(tzinfo=UTC))).replace(tzinfo=None)
    except (CronSimError, StopIteration) as error:
        raise BadSchedule(f"{schedule!r} is not a cron schedule such as `15 3 * * *` (UTC): {error}") from error


class Jobs:
    """Reads and writes the jobs and their history.

    Args:
        sessions: creates sessions of the accounts database.
    """

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions

    def declare(self, schedules: Mapping[str, str]) -> None:
        """Add the jobs that do not exist yet. A schedule that somebody has changed stays."""
        with self._sessions.begin() as session:
            existing = set(session.scalars(select(Job.name)))
            for name, schedule in schedules.items():
                if name not in existing:
                    session.add(Job(name=name, schedule=schedule, next_run_at=next_after(schedule, utc_now())))

    def all(self) -> list[Job]:
        """Return all jobs, by name."""
        with self._sessions() as session:
            return list(session.scalars(select(Job).order_by(Job.name)))

    def history(self, name: str, limit: int = 50) -> list[JobRun]:
        """Return the last runs of a job, the newest first."""
        statement = select(JobRun).where(JobRun.name == name).order_by(JobRun.id.desc()).limit(limit)
        with self._sessions() as session:
            return list(session.scalars(statement))

    def change(self, name: str, active: bool | None = None, schedule: str | None = None) -> Job:
        """Pause or resume a job, or change its schedule.

        Raises:
            BadSchedule: the schedule is not valid cron, or there is no such job.
        """
        with self._sessions.begin() as session:
            job = session.get(Job, name)
            if job is None:
                raise BadSchedule(f"there is no job {name!r}")
            if schedule is not None:
                job.next_run_at = next_after(schedule, utc_now())
                job.schedule = schedule
            if active is not None:
                job.active = active
                job.next_run_at = next_after(job.schedule, utc_now())
            return job

    def lease(self, runner: str, name: str | None = None) -> str | None:
        """Lease a due job, or the job of this name, to one runner. Returns its name; None when no job is available."""
        now = utc_now()
        free = or_(Job.leased_until.is_(None), Job.leased_until < now)
        due = (Job.name == name,) if name else (Job.active, Job.next_run_at <= now)
        with self._sessions.begin() as session:
            for due_job in session.scalars(select(Job.name).where(free, *due).order_by(Job.next_run_at)):
                updated = session.execute(
                    update(Job)
                    .where(Job.name == due_job, free, *due)
                    .values(leased_by=runner, leased_until=now + LEASE)
                )
                if updated.rowcount:  # type: ignore[attr-defined]
                    return due_job
        return None

    def extend_lease(self, runner: str, name: str) -> bool:
        """Extend the lease on a job. Returns False when another runner holds it now."""
        with self._sessions.begin() as session:
            updated = session.execute(
                update(Job).where(Job.name == name, Job.leased_by == runner).values(leased_until=utc_now() + LEASE)
            )
            return bool(updated.rowcount)  # type: ignore[attr-defined]

    def start_run(self, name: str, by: str) -> str:
        """Record the start of a run and return the run's id."""
        run = JobRun(id=str(new_id()), name=name, started_at=utc_now(), status="running", by=by)
        with self._sessions.begin() as session:
            session.add(run)
            # A run that is still marked as running here was cut off when its process ended.
            session.execute(
                update(JobRun)
                .where(JobRun.name == name, JobRun.status == "running", JobRun.id != run.id)
                .values(status="lost", ended_at=utc_now(), message="the process ended during the run")
            )
        return run.id

    def finish_run(self, runner: str, name: str, run_id: str, status: str, message: str) -> None:
        """Record the result of a run, schedule the next one and release the lease."""
        now = utc_now()
        with self._sessions.begin() as session:
            run, job = session.get_one(JobRun, run_id), session.get_one(Job, name)
            took = (now - run.started_at).total_seconds()
            run.ended_at, run.status, run.message, run.duration_s = now, status, message[:1000], took
            job.last_run_at, job.status, job.message, job.duration_s = run.started_at, status, message[:1000], took
            job.next_run_at = next_after(job.schedule, now)
            if job.leased_by == runner:
                job.leased_until, job.leased_by = None, ""
            session.execute(delete(JobRun).where(JobRun.ended_at < now - KEPT))

    def first_digest(self, project_id: str, entity_type: str, entity_id: str, day: str) -> bool:
        """Record that a digest of an entity is sent on a day. Returns False when one was recorded before."""
        try:
            with self._sessions.begin() as session:
                session.add(SentDigest(project_id=project_id, entity_type=entity_type, entity_id=entity_id, day=day))
        except IntegrityError:
            return False
        return True

    def take_back_digest(self, project_id: str, entity_type: str, entity_id: str, day: str) -> None:
        """Delete the record of a digest that could not be sent."""
        with self._sessions.begin() as session:
            sent = session.get(SentDigest, (project_id, entity_type, entity_id, day))
            if sent is not None:
                session.delete(sent)
