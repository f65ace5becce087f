"""The runtime: it opens the parts of a server in one process, connects them, and closes them."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import msgspec

from trackway.analyze.language.period import BadQuestion
from trackway.beside_collector import BesideCollector
from trackway.collect import Collector
from trackway.collect.orders.postgres import Followers
from trackway.collect.pseudonym import DailySalt, installation_key
from trackway.collect.session_end import SessionEnder
from trackway.collect.views.counter import ViewCounter
from trackway.collect.views.ledger import Ledger
from trackway.config import Settings
from trackway.enrich.pipeline import adjust_sources
from trackway.event import Arrival, now
from trackway.govern.database import GovernDatabase
from trackway.govern.first_start import FirstStart
from trackway.govern.identity.encryption import SecretCipher
from trackway.govern.plans.plan import read_named
from trackway.govern.plans.versions import WrittenPlans
from trackway.govern.write_keys import WriteKeys
from trackway.log import Committer
from trackway.operate import several
from trackway.operate.alerts import Alerts
from trackway.operate.await_move import AwaitMove
from trackway.operate.jobs import JobContext, Runner
from trackway.operate.lost_files import lost_files
from trackway.operate.places import privacy_of
from trackway.operate.repair_accounts import refuse_orphans, unknown_projects
from trackway.operate.transfers import TransferWorker
from trackway.outgoing import Outgoing, Refused
from trackway.personalize.kept import KeptAnswers
from trackway.personalize.recommend.recommender import Recommender
from trackway.store import checkpoint, dead_letters
from trackway.store.account_policy import AccountPolicies
from trackway.store.checkpoint import Checkpoint
from trackway.store.connection import Store
from trackway.store.engine_memory import IdleMemoryRelease
from trackway.store.entities import Register
from trackway.store.loader import Loader
from trackway.store.loader_process import LoaderProcess
from trackway.store.progress import Progress
from trackway.store.recovery import has_begun_batch, open_log, refuse_unknown
from trackway.store.refusals import QuestionFailed, StoreBusy, StoreUnavailable, shown
from trackway.store.share import Share, prepare_tables
from trackway.store.unmoved import unmovable, unmoved

logger = logging.getLogger("trackway")


class Runtime:
    """Log, store, loader, accounts and collector of one data directory.

    Args:
        settings: the settings.
        on_first_start: called once with the secrets of a first start, as soon as they are created.
        may_wait: open it too when the store has not been moved to the server of the settings: it collects until then.

    Raises:
        LogInUse, LogDamaged, BadCheckpoint, StoreUnavailable, AccountsUnavailable, LedgerUnavailable, KeyUnusable,
        BadPlan: a part cannot be opened; the parts opened before are closed.
    """

    def __init__(
        self,
        settings: Settings,
        on_first_start: Callable[[FirstStart], None] = lambda _: None,
        may_wait: bool = False,
    ) -> None:
        self.settings = settings
        self.warnings: list[str] = []
        self.outgoing = Outgoing(settings.allow_private_addresses)
        adjust_sources(settings.passing_hosts, settings.internal_domains)
        self.ending = False
        """Whether the server is about to stop; open-ended answers end then."""
        self._closers: list[Callable[[], object]] = []
        self._move: AwaitMove | None = None
        waits_for = unmoved(settings.directory, settings.store_dsn)
        if waits_for and settings.role != "collector" and (not may_wait or unmovable(settings.store_dsn)):
            raise StoreUnavailable(f"{waits_for}; {unmovable(settings.store_dsn)}".removesuffix("; "))
        try:
            self._open(settings, settings.directory, on_first_start, waits_for)
            self._wire(settings, settings.directory)
        except BaseException:
            self.close()
            raise

    def _open(
        self, settings: Settings, directory: Path, on_first_start: Callable[[FirstStart], None], waits_for: str
    ) -> None:
        """Open log, accounts and store, and the loader between them."""
        self.log, newest = open_log(directory, settings.local_store, settings.segment_bytes, settings.log)
        self._closers.append(self.log.close)
        self._open_accounts()
        share = several.share_of(settings, self.accounts)
        others = several.others_of(settings, self._tell, self.accounts)
        several.divide(settings, self.log, self.accounts)
        late = threading.Event() if waits_for else None
        self._open_store(settings, late)
        if late is None and has_begun_batch(directory / "loader", self.store):
            newest = self._finish_batches(newest, share)
        migrated = late is None and self._open_tables(newest)
        self._first_start(on_first_start, None if late else self.store)
        if late is None:
            self._check_projects()
        if settings.plan:
            self.accounts.plans.write(UUID(self.accounts.projects()[0].id), read_named(settings.plan), settings.plan)
        self._open_loader(settings, share)
        self.progress = Progress(self.log, self.loader, self.accounts.loaders if settings.log else None, others)
        self._closers.append(self.progress.stop)
        if late:
            self.loader.trouble = waits_for
            self._move = AwaitMove(settings, lambda: self._use(late, newest), self._tell_trouble)
            self._closers.append(self._move.stop)
        elif newest is None or migrated or share is not None:
            self.loader.checkpoint()
        self.store.durability.settle = self.loader.checkpoint

    def _open_store(self, settings: Settings, late: threading.Event | None) -> None:
        self.store = Store(
            settings.store_dsn, memory_mb=settings.engine_memory_mb, nice=5, reader_dsn=settings.store_reader,
            begun=late,
        )  # fmt: skip
        self._closers.append(self.store.close)

    def _open_loader(self, settings: Settings, share: Share | None) -> None:
        self.loader: Loader | LoaderProcess = self._new_loader(settings, share)
        self._closers.append(self.loader.stop)

    def _new_loader(self, settings: Settings, share: Share | None) -> Loader:
        return Loader(
            self.log, self.store.beside(clients=2, memory_mb=settings.engine_memory_mb), settings.directory / "loader",
            settings.batch_messages, settings.batch_seconds, settings.keep_log_hours, settings.local_store,
            settings.checkpoint_seconds, Path(settings.archive) if settings.archive else None, share,
        )  # fmt: skip

    def _finish_batches(self, newest: Checkpoint | None, share: Share | None) -> Checkpoint | None:
        """Store the rest of what a server has in part, before its tables change; return the checkpoint after it."""
        self._refuse_unknown(newest)
        try:
            loader = self._new_loader(self.settings, share)
            try:
                loader.finish_prepared()
            finally:
                loader.stop()
        except (QuestionFailed, OSError) as error:
            raise StoreUnavailable(
                "the tables have to be brought up to date, and the server may have a part of a batch of the version "
                f"before, whose rest cannot be stored: {shown(error)}. Mend that and start again; or start the version "
                "before, and stop it when /readyz says that everything is stored"
            ) from error
        return checkpoint.read(self.settings.directory / "loader")

    def _open_tables(self, newest: Checkpoint | None) -> bool:
        """Bring the tables up to date, and refuse those of another log; return whether they changed."""
        several.refuse_running(self.settings, self.store, self.accounts.loaders)
        migrated = self.store.migrate()
        if lacking := self._refuse_unknown(newest):
            self._warn(lacking)
        if self.settings.loaders > 1:
            prepare_tables(self.store, self.settings.loaders)
        return bool(migrated)

    def _refuse_unknown(self, newest: Checkpoint | None) -> str:
        projects = self.accounts.loaders.divided(0) if self.settings.loaders > 1 else None
        directory, local = self.settings.directory / "loader", self.settings.local_store
        return refuse_unknown(newest, directory, self.store, self.log, local, projects)

    def _tell(self) -> None:
        """Take note that another loader merged persons, or stored dead letters."""
        self.store.persons.stale()
        self.loader.dead_letters = dead_letters.count(self.store)

    def _check_projects(self) -> None:
        """Warn about projects that nobody can see; give each project the rate of its own currency."""
        for project_id in unknown_projects(self.store, self.accounts):
            self._warn(
                f"there are events of the project {project_id}, which the accounts database does not contain, so "
                "nobody can see them; `trackway doctor --repair accounts` creates it"
            )
        several.own_currencies(self.store, self.accounts)

    def start(self) -> None:
        """Start loading, transfers and jobs; when the store has to be moved first, once that is done."""
        (self._start_work if self._move is None else self._move.start)()

    def _start_work(self) -> None:
        self.loader.start()
        self.progress.start()
        self.transfer_worker.start()
        self.runner.start()

    def _use(self, late: threading.Event, newest: Checkpoint | None) -> None:
        """Use the server to which the store has been moved. Raises QuestionFailed, StoreUnavailable, BadCheckpoint."""
        late.set()
        self._open_tables(newest)
        self._check_projects()
        self.loader.dead_letters = dead_letters.count(self.store)
        if self._committer is not None:
            asyncio.run_coroutine_threadsafe(self.bring_views(), self._loop).result()
        if not self.ending:
            self._start_work()

    def _tell_trouble(self, text: str) -> None:
        self.loader.trouble = text

    def _wire(self, settings: Settings, directory: Path) -> None:
        """Build the parts that work on log, accounts and store."""
        self.privacy = privacy_of(settings, self._warn)
        self._salt = DailySalt(directory)
        collector = hashlib.blake2b(installation_key(directory), digest_size=16).hexdigest()
        self.ledger = Ledger(settings.views_dsn, collector)
        self._closers.append(self.ledger.close)
        self.register = Register(self.accounts, self.store, self.ledger)
        self.personal = KeptAnswers(
            self.store, self.accounts.saved.preferences, self.version, lambda: self.register.version
        )
        self._closers.append(self.personal.close)
        self.account_policies = AccountPolicies(self.store, self.register)
        self.recommender = Recommender.of(directory / "models")
        self._context = JobContext(
            settings, self.accounts, self.store, self.progress.counters_lock_of, self.ledger, self.outgoing
        )
        self.runner = Runner(self._context)
        self._closers.append(self.runner.stop)
        self.followers = Followers(self.accounts.connections, self.write, self.outgoing)
        self._closers.append(self.followers.stop)
        self._committer: Committer | None = None
        self._bringing: asyncio.Task[None] | None = None
        self.beside = BesideCollector(
            settings, self.accounts, self.store, self.ledger, self.register, self.log, self.progress
        )
        self._purges = 0
        self.transfer_worker = TransferWorker(
            directory / "transfers", self.accounts.transfers, self.store, self.privacy, installation_key(directory),
            self.write, self.progress, settings.import_patience_seconds,
        )  # fmt: skip
        self._closers.append(self.transfer_worker.stop)
        if settings.local_store is not None:
            self._closers.append(IdleMemoryRelease(self._done, self._purge).stop)

    def _done(self) -> tuple[int, int]:
        return self.loader.stored, self.store.statements - self._purges

    def _purge(self) -> None:
        """Make the engine release memory that it keeps in reserve; an engine that is busy is asked again next time."""
        with suppress(QuestionFailed, StoreUnavailable):
            self.store.command("SYSTEM JEMALLOC PURGE")
            self.store.engine.release_memory()
            self._purges += 1

    def version(self, project_id: UUID) -> tuple[int, ...]:
        """Return the version of a project's data: its events, merges, segments and register."""
        return (
            self.progress.version(project_id), self.store.persons.version, self.accounts.saved.version,
            self.register.version,
        )  # fmt: skip

    def _open_accounts(self) -> None:
        self._warn_of_lost_files()
        cipher = SecretCipher.of(self.settings.directory, self.settings.secrets)
        self.accounts = GovernDatabase(self.settings.accounts_dsn, cipher)
        self._closers.append(self.accounts.close)
        several.adopt(self.settings, self.accounts)
        if cipher.has_old_keys:
            self.accounts.reencrypt_secrets()

    def _first_start(self, on_first_start: Callable[[FirstStart], None], store: Store | None) -> None:
        """Create a project and an administrator if there are none; refuse if there is data that nobody could see."""
        refuse_orphans(self.settings, self.accounts, store)
        first = self.accounts.first_start(
            self.settings.admin_email, self.settings.admin_password, self.settings.write_key, self.settings.secret_key
        )
        if first is not None:
            on_first_start(first)

    def _warn_of_lost_files(self) -> None:
        for path, cost in lost_files(self.settings):
            self._warn(f"{path} is missing, and a new one is created: {cost}; restore it from a backup if there is one")

    def _warn(self, text: str) -> None:
        logger.error(text)
        self.warnings.append(text)

    def check_outgoing(self, field: str, url: str) -> None:
        """Check that a URL is valid and does not lead to a private address. Raises BadQuestion."""
        try:
            self.outgoing.check(url)
        except Refused as error:
            raise BadQuestion(field, str(error)) from error

    def collector(self) -> Collector:
        """Return a collector for the running event loop."""
        keys = WriteKeys(self.accounts)
        self._loop, self._committer = asyncio.get_running_loop(), self.log.committer()
        return Collector(self._committer, keys, WrittenPlans(self.accounts), self.privacy, self._salt)

    def alerts(self) -> Alerts:
        """Return the alerts to the operator's URL about dead letters, stalls and losses."""

        def named(project_id: UUID) -> str:
            return next(
                (project.name for project in self.accounts.projects() if project.id == str(project_id)), str(project_id)
            )

        return Alerts(
            self.settings.alert_url, self.outgoing, self.loader, self.store, self.progress, named,
        )  # fmt: skip

    def view_counter(self, collector: Collector) -> ViewCounter:
        """Return the view counter beside a collector, for the running event loop."""
        assert self._committer is not None
        return self.beside.view_counter(collector, self._committer)

    def session_ender(self, collector: Collector) -> SessionEnder:
        """Return the application that ends sessions by id, beside a collector, for the running event loop."""
        assert self._committer is not None
        return self.beside.session_ender(collector, self._committer)

    async def bring_views(self) -> None:
        """Append to the log the views that counted before this process ended; from then on, with a log in Kafka, those
        that other collectors left behind.
        """
        assert self._committer is not None
        left = self.beside.left_behind(self._committer)
        await left.of_before()
        if self.settings.log:
            self._bringing = asyncio.create_task(left.go_on())

    def unlogged_views(self) -> int:
        """Return the number of views that counted here and are being appended to the log."""
        return len(self.beside.under_way())

    def wait_for_views(self, project_id: UUID, within_s: float = 10.0) -> None:
        """Wait until a project's views that have counted so far are stored; this blocks the calling thread.

        Raises:
            StoreBusy: they are not stored after `within_s` seconds.
        """
        until, under_way, at = time.monotonic() + within_s, self.beside.under_way(), now()
        while not all(view.done() for view in under_way) and time.monotonic() < until:
            time.sleep(0.01)
        while self.settings.log and (waiting := self.ledger.waiting(at)):
            if time.monotonic() > until:
                raise StoreBusy(f"{waiting} views wait to be written to the log")
            time.sleep(0.1)
        is_stored = self.progress.mark(project_id)
        while not is_stored():
            if time.monotonic() > until:
                raise StoreBusy(f"{self.progress.waiting(project_id)} messages wait to be stored")
            time.sleep(0.01)

    def write(self, arrival: Arrival) -> None:
        """Write an arrival to the log, from any thread, through the collector's committer when there is one.

        Raises:
            LogUnavailable: the disk refuses.
        """
        record, count = msgspec.msgpack.encode(arrival), len(arrival.messages) + len(arrival.rejections)
        if self._committer is None:
            self.log.write([record], count)
            return
        committer = self._committer

        async def append() -> None:
            await committer.append(record, count)

        asyncio.run_coroutine_threadsafe(append(), self._loop).result()

    async def finish(self) -> None:
        """Stop followers, jobs and transfers, and wait until the log's last group is written."""
        if self._move is not None:
            await asyncio.to_thread(self._move.stop)
        await asyncio.to_thread(self.followers.stop)
        await asyncio.to_thread(self.runner.stop)
        await asyncio.to_thread(self.transfer_worker.stop)
        if self._bringing is not None:
            self._bringing.cancel()
        await self.beside.finish()
        if self._committer is not None:
            await self._committer.close()
        await asyncio.sleep(0)

    def close(self) -> None:
        """Close all open parts, the last opened first; acknowledged messages are on disk."""
        for closer in reversed(self._closers):
            closer()
        self._closers = []
