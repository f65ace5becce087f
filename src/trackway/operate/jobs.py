"""Scheduled jobs, and the runner that runs each due job once, even when several processes run.

Every job may run at any time and repeatedly: it changes nothing that is already correct.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from trackway.analyze.language.period import period
from trackway.collect.views.ledger import Ledger
from trackway.config import Settings
from trackway.event import now
from trackway.govern.database import GovernDatabase
from trackway.govern.tables import Project
from trackway.operate.customer_scores import score
from trackway.operate.model_training import train_project
from trackway.operate.prediction_training import train_predictions
from trackway.operate.reports import send_digests
from trackway.operate.view_totals import check_views
from trackway.operate.watched_segments import watch
from trackway.outgoing import Outgoing
from trackway.store.connection import Store
from trackway.store.moved_events import settle
from trackway.store.orders import restate_all, wrong_totals
from trackway.store.recount import CannotRecount, differences, purge_views, recount, refresh
from trackway.store.refusals import BatchUnfinished, shown

logger = logging.getLogger("trackway.operate")

LOOK_S = 2.0


@dataclass
class JobContext:
    """The parts of the runtime that jobs use.

    Attributes:
        lock_of: returns the lock that is taken to replace counters of a project; its loader stores nothing meanwhile.
        ending: set when the server ends; a long job stops then.
    """

    settings: Settings
    accounts: GovernDatabase
    store: Store
    lock_of: Callable[[UUID], AbstractContextManager[object]]
    ledger: Ledger
    outgoing: Outgoing
    ending: threading.Event = field(default_factory=threading.Event)

    @property
    def directory(self) -> Path:
        """The data directory."""
        return self.settings.directory


def refresh_views(context: JobContext) -> str:
    """Compare the view counters with the events, and rebuild those that differ."""
    return "; ".join(_of_each(context, _refresh_views)) or "the counters agree with the events"


def _of_each(context: JobContext, work: Callable[[JobContext, Project], Iterable[str]]) -> list[str]:
    """Return what there is to say of the work on each project; one whose loader ended within a batch is left out."""
    results: list[str] = []
    for project in context.accounts.projects():
        try:
            results.extend(work(context, project))
        except BatchUnfinished as error:
            results.append(f"{project.name} was left out: {shown(error)}")
    return results


def _refresh_views(context: JobContext, project: Project) -> Iterator[str]:
    lock = context.lock_of(UUID(project.id))
    differed = check_views(context.store, lock, context.ledger, project)
    if set(differed) - {"view_totals"}:
        refresh(context.store, lock, UUID(project.id))
    yield from (f"{project.name}: {n} of {name} differed and were corrected" for name, n in differed.items())


def aggregate(context: JobContext) -> str:
    """Compare yesterday's counters of every project, and the order totals, with the events, and correct differences."""
    return "; ".join(_of_each(context, _aggregate)) or "yesterday's counters agree with the events"


def _aggregate(context: JobContext, project: Project) -> Iterator[str]:
    project_id, lock = UUID(project.id), context.lock_of(UUID(project.id))
    if wrong := wrong_totals(context.store, project_id):
        with lock:
            restate_all(context.store, project_id)
        yield f"{project.name}: the order totals of {wrong} people were recomputed"
    stretch = period("yesterday", project.timezone, datetime.now(UTC))
    if wrong_counters := differences(context.store, lock, project_id, *stretch):
        try:
            recount(context.store, lock, project_id, *stretch)
        except CannotRecount as error:
            yield f"{project.name}: {error}"
            return
    yield from (f"{project.name}: {one.rows} rows of {one.counter} were rebuilt" for one in wrong_counters)


def purge(context: JobContext) -> str:
    """Delete raw views of months that ended before the retention period (`keep_views_days`). Their counts stay, and are
    first exported to CSV.
    """
    days = context.settings.keep_views_days
    if days <= 0:
        return "raw views are kept for ever"
    before = datetime.now(UTC) - timedelta(days=days)
    purged = Counter[str]()

    def purge_project(context: JobContext, project: Project) -> tuple[()]:
        project_id, exports = UUID(project.id), context.directory / "exports"
        purged.update(purge_views(context.store, context.lock_of(project_id), project_id, before, exports))
        return ()

    left_out = _of_each(context, purge_project)
    counts = [f"{n} views of {month}" for month, n in sorted(purged.items())]
    return ", ".join([*counts, *left_out]) or "no views are that old"


def forget(context: JobContext) -> str:
    """Delete view decisions older than 90 days: such a view may count again anyway."""
    return f"{context.ledger.forget(now())} decisions forgotten"


def digests(context: JobContext) -> str:
    """Send owners of entities the digests of views that they have chosen."""
    return send_digests(context.settings, context.accounts, context.store, context.outgoing, datetime.now(UTC))


def score_customers(context: JobContext) -> str:
    """Score customers: the probability of being active, expected orders and value, and RFM scores."""
    results = [f"{project.name}: {score(context.store, project)} customers" for project in context.accounts.projects()]
    context.accounts.saved.touch()
    return "; ".join(results) or "there is no project"


def watch_segments(context: JobContext) -> str:
    """Notify watchers of a segment about customers who entered or left it."""
    return watch(context.accounts, context.store, context.outgoing, datetime.now(UTC))


def train_models(context: JobContext) -> str:
    """Train the models of recommendations of every project, and keep those that are better than popularity."""
    models = context.directory / "models"
    results = [
        f"{project.name}: {text}"
        for project in context.accounts.projects()
        for text in train_project(context.store, project, context.accounts.saved.preferences, models, context.ending)
    ]
    return "; ".join(results) or "there are no interactions with entities"


def predict(context: JobContext) -> str:
    """Train the predictions about people (conversion, churn, value), and predict with those that are better than the
    base rate.
    """
    models = context.directory / "predictions"
    results = [
        f"{project.name}: {text}"
        for project in context.accounts.projects()
        for text in train_predictions(
            context.store, project, context.accounts.saved.preferences, models, context.ending
        )
    ]
    context.accounts.saved.touch()
    return "; ".join(results) or "nobody did anything yet"


def settle_updates(context: JobContext) -> str:
    """Let the engine merge changes by late events into the parts of old months, in the background."""
    return ", ".join(settle(context.store)) or "no updates are waiting"


JOBS: dict[str, tuple[str, Callable[[JobContext], str]]] = {
    "refresh-views": ("7 * * * *", refresh_views),
    "aggregate": ("20 3 * * *", aggregate),
    "purge-views": ("40 3 1 * *", purge),
    "forget-decisions": ("50 * * * *", forget),
    "digests": ("0 6 * * *", digests),
    "score-customers": ("12 * * * *", score_customers),
    "settle-updates": ("*/10 * * * *", settle_updates),
    "watch-segments": ("*/5 * * * *", watch_segments),
    "train-models": ("30 4 * * *", train_models),
    "predict": ("50 4 * * *", predict),
}
"""The default schedule (cron, UTC) and function of each job; the function's docstring is shown to users."""


class Runner:
    """Runs due jobs, one at a time, in a thread."""

    def __init__(self, context: JobContext) -> None:
        self._context, self._name = context, uuid4().hex
        self._jobs = context.accounts.jobs
        self._jobs.declare({name: schedule for name, (schedule, _) in JOBS.items()})
        self._ending = context.ending
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)

    def start(self) -> None:
        """Start looking for due jobs."""
        self._thread.start()

    def stop(self) -> None:
        """Start no more jobs, and wait for the running one."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(60)

    def run(self, name: str, by: str) -> tuple[str, str] | None:
        """Run a job now. Returns its status and message, or None when it is already running somewhere."""
        job = self._jobs.lease(self._name, name)
        return None if job is None else self._run(job, self._jobs.start_run(job, by))

    def run_in_background(self, name: str, by: str) -> bool:
        """Run a job now in a separate thread. Returns False when it is already running somewhere.

        The job is leased when this returns, so that the next caller sees it as running.
        """
        job = self._jobs.lease(self._name, name)
        if job is not None:
            threading.Thread(target=self._run, args=(job, self._jobs.start_run(job, by)), daemon=True).start()
        return job is not None

    def _work(self) -> None:
        while not self._ending.wait(LOOK_S):
            try:
                while not self._ending.is_set() and (name := self._jobs.lease(self._name)) is not None:
                    self._run(name, self._jobs.start_run(name, "its schedule"))
            except Exception:
                logger.exception("due jobs cannot be looked up; trying again")

    def _run(self, name: str, run_id: str) -> tuple[str, str]:
        over = threading.Event()
        holder = threading.Thread(target=self._hold, args=(name, over), daemon=True)
        holder.start()
        try:
            status, message = "done", JOBS[name][1](self._context)
        except Exception as error:
            if self._ending.is_set():
                logger.warning("the job %s ended with the server", name)
            else:
                logger.exception("the job %s failed", name)
            status, message = "failed", shown(error)
        finally:
            over.set()
        self._jobs.finish_run(self._name, name, run_id, status, message)
        return status, message

    def _hold(self, name: str, over: threading.Event) -> None:
        while not over.wait(30):
            self._jobs.extend_lease(self._name, name)
