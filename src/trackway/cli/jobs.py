"""`trackway jobs`, `trackway aggregate` and `trackway refresh`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from trackway.cli import show
from trackway.cli.data_directory import runtime_of
from trackway.cli.people import Data, Json, find_project, open_accounts
from trackway.cli.remote import Remote
from trackway.config import Settings
from trackway.govern.saved.jobs import BadSchedule

jobs = typer.Typer(no_args_is_help=True, help="Scheduled work: list, run, pause, resume, history.")


@jobs.command("list")
def list_jobs(data: Data = None, json: Json = False) -> None:
    """List all jobs: schedules, next runs, and the outcome of the last run."""
    from trackway.operate.jobs import JOBS

    table = open_accounts(data).jobs
    table.declare({name: schedule for name, (schedule, _) in JOBS.items()})
    show.rows([
        {"name": job.name, "schedule": job.schedule, "active": job.active, "last_run_at": _time_text(job.last_run_at),
         "next_run_at": _time_text(job.next_run_at), "status": job.status, "duration_s": round(job.duration_s, 2),
         "message": job.message}
        for job in table.all()
    ], json)  # fmt: skip


@jobs.command("history")
def history(name: str, data: Data = None, json: Json = False) -> None:
    """List the last runs of a job."""
    show.rows([
        {"started_at": _time_text(run.started_at), "status": run.status, "duration_s": round(run.duration_s, 2),
         "by": run.by, "message": run.message}
        for run in open_accounts(data).jobs.history(name)
    ], json)  # fmt: skip


@jobs.command("pause")
def pause(name: str, data: Data = None) -> None:
    """Pause a job until it is resumed."""
    with show.refusals(BadSchedule):
        open_accounts(data).jobs.change(name, active=False)


@jobs.command("resume")
def resume(
    name: str,
    schedule: Annotated[str | None, typer.Option(help="another schedule, cron in UTC")] = None,
    data: Data = None,
) -> None:
    """Resume a paused job, or give a job another schedule."""
    with show.refusals(BadSchedule):
        open_accounts(data).jobs.change(name, active=True, schedule=schedule)


@jobs.command("run")
def run_job(name: str, data: Data = None, json: Json = False) -> None:
    """Run a job now, on a stopped store. A running server runs its jobs by itself, or from its page."""
    from trackway.cli.commands import settings

    with runtime_of(settings(data=data), json) as runtime:
        if name not in {job.name for job in runtime.accounts.jobs.all()}:
            show.fail(f"there is no job {name!r}; `trackway jobs list` shows them")
        result = runtime.runner.run(name, "the command line")
    if result is None:
        show.fail(f"{name} is already running")
    status, message = result
    show.rows([{"name": name, "status": status, "message": message}], json)
    if status != "done":
        raise typer.Exit(1)


def aggregate(settings: Settings, date: str, url: str | None, key: str | None, project: str | None, json: bool) -> None:
    """Recompute the counters of a day."""
    if url:
        remote = Remote(url, key)
        outcome: dict[str, Any] = remote.post("aggregate", {"date": date})
    else:
        from trackway.analyze.language.period import BadQuestion
        from trackway.operate.view_totals import recount_day
        from trackway.store.recount import CannotRecount

        with runtime_of(settings, json) as runtime, show.refusals(BadQuestion, CannotRecount):
            chosen = find_project(runtime.accounts, project)
            outcome = recount_day(runtime.store, runtime.progress.counters_lock_of(UUID(chosen.id)), chosen, date)
    _show_recount(outcome, json)


def refresh(settings: Settings, url: str | None, key: str | None, project: str | None, json: bool) -> None:
    """Recompute the counters of views."""
    if url:
        outcome: dict[str, Any] = Remote(url, key).post("refresh", {})
    else:
        from trackway.operate.view_totals import refresh_views

        with runtime_of(settings, json) as runtime:
            chosen = find_project(runtime.accounts, project)
            outcome = refresh_views(
                runtime.store, runtime.progress.counters_lock_of(UUID(chosen.id)), runtime.ledger, chosen
            )
    _show_recount(outcome, json)


def _show_recount(outcome: dict[str, Any], json: bool) -> None:
    if json:
        show.as_json(outcome)
    else:
        show.table([
            {"counter": name, "rows": rows, "differed": outcome["differed"].get(name, 0)}
            for name, rows in outcome["rows"].items()
        ])  # fmt: skip


def _time_text(at: datetime | None) -> str | None:
    return None if at is None else f"{at:%Y-%m-%d %H:%M:%S}"
