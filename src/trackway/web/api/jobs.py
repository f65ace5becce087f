"""Recurring jobs: list, history, run now, pause. Access: administrators."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Controller, Request, get, patch, post
from litestar.exceptions import ClientException, NotFoundException

from trackway.govern.saved.tables import Job
from trackway.govern.tables import iso_time, utc_now
from trackway.operate.jobs import JOBS
from trackway.runtime import Runtime
from trackway.web.server.caller import Caller


class JobShown(msgspec.Struct):
    """A job: its task, its schedule, and the result of the last run. Times are UTC."""

    name: str
    what: str
    schedule: str
    active: bool
    running: bool
    last_run_at: str | None
    next_run_at: str | None
    status: str
    message: str
    duration_s: float


class RunShown(msgspec.Struct):
    """One run of a job."""

    started_at: str
    ended_at: str | None
    status: str
    message: str
    duration_s: float
    by: str


class JobChange(msgspec.Struct, forbid_unknown_fields=True):
    """Changes to a job: pause or resume it, or set another schedule (cron, UTC)."""

    active: bool | None = None
    schedule: str | None = None


def show_job(job: Job) -> JobShown:
    """Convert a job for the API."""
    task = (JOBS[job.name][1].__doc__ or "").strip() if job.name in JOBS else "does not exist in this version"
    running = job.leased_until is not None and job.leased_until > utc_now()
    return JobShown(
        job.name, task, job.schedule, job.active, running, iso_time(job.last_run_at),
        iso_time(job.next_run_at) if job.active else None, job.status, job.message, job.duration_s,
    )  # fmt: skip


class ScheduledJobs(Controller):
    """`/api/v1/jobs`: for administrators."""

    path = "/api/v1/jobs"
    tags = ("jobs",)
    opt = {"may": "install"}  # noqa: RUF012

    @get("/", sync_to_thread=True)
    def jobs(self, runtime: Runtime) -> list[JobShown]:
        """List all jobs."""
        return [show_job(job) for job in runtime.accounts.jobs.all()]

    @patch("/{name:str}", sync_to_thread=True)
    def change(self, name: str, data: JobChange, runtime: Runtime) -> JobShown:
        """Pause or resume a job, or change its schedule."""
        return show_job(runtime.accounts.jobs.change(name, data.active, data.schedule))

    @get("/{name:str}/runs", sync_to_thread=True)
    def history(self, name: str, runtime: Runtime) -> list[RunShown]:
        """List the last fifty runs of a job."""
        _job(runtime, name)
        return [
            RunShown(
                iso_time(run.started_at) or "", iso_time(run.ended_at), run.status, run.message, run.duration_s, run.by
            )
            for run in runtime.accounts.jobs.history(name)
        ]

    @post("/{name:str}/run", status_code=202, sync_to_thread=True)
    def run(self, name: str, request: Request[Caller, Any, Any], runtime: Runtime) -> JobShown:
        """Run a job now; 409 while it is running."""
        job = show_job(_job(runtime, name))
        if not runtime.runner.run_in_background(name, request.user.name):
            raise ClientException(f"{name} is running", status_code=409)
        job.running = True
        return job


def _job(runtime: Runtime, name: str) -> Job:
    for job in runtime.accounts.jobs.all():
        if job.name == name:
            return job
    raise NotFoundException(f"there is no job {name!r}")
