"""The loader: log → enrich → store, each message exactly once.

A batch is prepared (deduplicated, enriched, given sessions) and then applied. Every second or so, a checkpoint makes
the applied batches durable and records the log offset they reach. After a crash, the store goes back to the checkpoint
and the loader continues from its offset. For a server, a prepared batch is written to disk before it is applied, and
applied again after a crash; its tokens let the server drop what it already has (decisions 4 and 12).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import msgspec

from trackway import private
from trackway.enrich.bot import user_agent_reason
from trackway.enrich.identity import Identities
from trackway.enrich.orders import Orders
from trackway.enrich.sessionizer import Sessionizer
from trackway.log import Gap, Readable
from trackway.store import checkpoint, dead_letters
from trackway.store.batch import Prepared, apply, left_in
from trackway.store.checkpoint import Checkpoint
from trackway.store.connection import Store
from trackway.store.durability import suspended
from trackway.store.history import StoredHistory, newest_of
from trackway.store.message_ids import SeenMessages
from trackway.store.note import Alone, Note, Part
from trackway.store.pace import Pace
from trackway.store.preparing import Derivers, fresh_of, prepare
from trackway.store.quarantine import Refusals, Sifter
from trackway.store.reading import range_of, read
from trackway.store.refusals import QuestionFailed, StoreBusy, shown

logger = logging.getLogger("trackway.store.loader")

_STALLED_S = 30
_IDLE_CHECKPOINT_S = 30


class Loader:
    """A thread that moves messages from the log into the store.

    Args:
        log: read from the offset in the checkpoint.
        store: migrated, and at the checkpoint (`recovery.recover`).
        directory: holds the checkpoint and the message ids.
        batch_messages: the number of messages that fills a batch.
        batch_seconds: seconds to wait for a batch to fill; small batches begin twice that apart.
        keep_log_hours: hours for which segments stay after they are stored.
        local: the directory of a local store; None for a server.
        checkpoint_seconds: the longest time that applied messages may wait for a checkpoint.
        archive: the directory that receives segments that need not be kept; None deletes them.
        share: the loader's part when there are several; None for a single one.

    Raises:
        BadCheckpoint: the checkpoint, or a file that it names, is damaged.
    """

    def __init__(
        self,
        log: Readable,
        store: Store,
        directory: Path,
        batch_messages: int = 50_000,
        batch_seconds: float = 0.5,
        keep_log_hours: float = 72.0,
        local: Path | None = None,
        checkpoint_seconds: float = 1.0,
        archive: Path | None = None,
        share: Part | None = None,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._log, self._store, self._directory, self._local = log, store, directory, local
        self._pace = Pace(batch_messages, batch_seconds)
        self._keep_log_hours, self._checkpoint_seconds, self._archive = keep_log_hours, checkpoint_seconds, archive
        self._newest = known = checkpoint.read(directory)
        self._seen = SeenMessages(directory / "ids", known.ids if known else None)
        self._stopping, self._applier = threading.Event(), ThreadPoolExecutor(1, thread_name_prefix="apply")
        self._applying: Future[None] | None = None
        self._ready: Prepared | None = None
        self._thread = threading.Thread(target=self._run, name="loader", daemon=True)
        self.stored = known.offset if known else 0
        """The log offset below which every message is in the store or is a dead letter."""
        self.durable = self.stored
        """The offset of the newest checkpoint."""
        self._stored_before, self._doing = self.stored, "opening the store"
        self._checkpointed_at = self._progress_at = time.monotonic()
        self.trouble = ""
        """The reason why nothing is being stored at the moment, or empty."""
        self.gaps: list[Gap] = []
        """Stretches of the log that could not be read."""
        self.dead_letters = dead_letters.count(store) if store.engine.alive else 0
        """The number of dead letters in all projects."""
        self._share = share or Alone()
        self.store_lock = self._share.lock
        """The lock that its holder takes to replace counters; the loader stores nothing meanwhile."""
        self._news, self._under_way, self.versions = Note(start=self._share.start), set[bytes](), dict[bytes, int]()
        """By project: the end of the newest batch that stored something of it, since the start."""
        self._position: int | None = None
        self._derivers: Derivers | None = None
        self._refusals, self._pause, self._half_applied = Refusals(batch_messages), 0.0, False
        self._reached = known.newest if known else 0
        self.unfinished = local is None and any(directory.glob("*.batch"))
        """Whether a server may have a part of a batch; the rest follows."""

    def _open(self) -> None:
        """Do the part of the start that takes long on a large store, so that collecting need not wait for it."""
        if self._position is None:
            user_agent_reason("Mozilla/5.0")  # compiles the lists of crawlers before the first event waits for them
            self._reached = self._reached or (0 if self._local else newest_of(self._store, self._share.of_others()))
            self._apply_prepared()
            self.unfinished = False
            self._share.open(StoredHistory(self._store).newest_number)
            self._position = max(self.stored, self._log.start)
            if self.stored < self._position:
                self._report(Gap(self.stored, self._position, self._log.directory, 0))
        if self._derivers is None:
            history = StoredHistory(self._store, self.wait, self._share.of_others)
            identities = Identities(history, self._share.next_number)
            self._derivers = Derivers(Sessionizer(history, *history.recent()), identities, Orders(history))
            self.trouble = ""

    def version(self, project_id: UUID) -> int:
        """Return a number that grows whenever something of the project is stored."""
        return self.versions.get(project_id.bytes, self._stored_before)

    @property
    def lost(self) -> int:
        """The number of messages of the log that could not be read."""
        return sum(gap.last - gap.first for gap in self.gaps)

    def stalled(self) -> str:
        """Return why nothing was stored for 30 s although messages wait, or empty."""
        for_s = time.monotonic() - self._progress_at
        if self._log.end <= self.stored or for_s < _STALLED_S:
            return ""
        return f"nothing was stored for {for_s:.0f} s; the loader is {self._doing}"

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, within_s: float | None = None) -> bool:
        """Finish the current batch, write a checkpoint and end. Return whether this took at most `within_s` seconds."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(within_s)
            if self._thread.is_alive():
                return False
        self._applier.shutdown()
        if self._position is not None and self.durable < self.stored:
            self.checkpoint()
        return True

    def drain(self, progress: Callable[[int], None] = lambda _: None) -> None:
        """Load everything that is in the log now, without the thread of `start`.

        Args:
            progress: called after each batch with the offset up to which messages are stored.
        """
        while True:
            try:
                while self._waiting():
                    self._step()
                    progress(self.stored)
                self.wait()
                break
            except _HalfApplied:
                self._go_back()
        self.checkpoint()

    def _waiting(self) -> int:
        """Return the number of messages in the log that no batch has taken yet."""
        self._open()
        assert self._position is not None
        return self._log.end - self._position

    def wait(self) -> None:
        """Wait until the current batch is in the store. An error that it failed with is raised once."""
        if self._applying is not None:
            try:
                self._applying.result()
            finally:
                if self._applying.done():
                    self._applying = None

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                if not self._store.engine.alive:
                    raise _HalfApplied
                if self._waiting():
                    self._pace.wait(self._waiting, self._stopping)
                    self._step()
                else:
                    self._idle()
            except _HalfApplied:
                self._go_back_until_done()
            except Exception as error:
                if not self._store.engine.alive:
                    continue
                logger.exception("the loader failed after offset %d; trying again", self.stored)
                self.trouble = f"the loader fails after offset {self.stored}: {shown(error)}"
                self._stopping.wait(2)
        try:
            self.wait()
        except Exception as error:
            logger.exception("the last batch was not stored; the next start stores it")
            if isinstance(error, _HalfApplied):
                self._position = None

    def _idle(self) -> None:
        """Write the checkpoint and remove old segments, while no message waits."""
        self._pace.rest(self._stopping)
        if self._applying is not None:
            if not self._applying.done():
                return
            self.wait()  # a batch that failed is stored again even if no message follows it
        self._log.idle()
        self._share.settle()
        self._doing, self._progress_at = "waiting for messages", time.monotonic()
        since = time.monotonic() - self._checkpointed_at
        if since > (self._checkpoint_seconds if self.durable < self.stored else _IDLE_CHECKPOINT_S):
            if not self._try_checkpoint():
                self._stopping.wait(2)
                return
            self._log.remove_stored(self.durable, self._keep_log_hours, self._archive)
        self.trouble = ""

    def _step(self) -> None:
        """Prepare one batch while the previous one is being applied."""
        if self._ready is None:
            self._doing = "preparing a batch"
            self._ready = self._prepare()
        self.wait()
        if self._ready is not None:
            path = self._directory / f"{self._ready.first:020d}.batch"
            if self._local is None:
                private.write(path, msgspec.msgpack.encode(self._ready))
            self._applying = self._applier.submit(self._apply, self._ready, path)
            self._under_way = set(self._ready.message_keys())
            self._ready = None

    def _prepare(self) -> Prepared | None:
        """Return the next batch. While the pipeline fails on something in it, try a half, then a quarter, and so on."""
        assert self._position is not None and self._derivers is not None
        most, exactly = self._refusals.next(self._position)
        log_range = read(self._log, self._position, most, self._report, exactly)
        if log_range.last == log_range.first:
            return None
        try:
            fresh = self._refusals.without_rejections(fresh_of(log_range, self._seen, self._under_way))
            prepared = prepare(fresh, self._derivers, self._refusals.refused, self._refusals.plain)
        except _HalfApplied:
            raise
        except Exception as error:
            self._derivers = None  # the derivers may have counted half of this batch; new ones are read from the store
            if not self._refusals.record_failure(log_range, error):
                raise
            logger.warning("the pipeline fails on offsets %d to %d: %r", log_range.first, log_range.last - 1, error)
            return None
        self._position = log_range.last
        return prepared

    def _apply(self, prepared: Prepared, path: Path) -> None:
        """Put a prepared batch into the store; for a server, retry until it is there."""
        pause, sifter = 0.2, Sifter(self._store, prepared, self._log, self._refusals, again=self._local is not None)
        self._doing = f"storing the batch at offset {prepared.first}"
        while True:
            try:
                with self.store_lock, self._share.batch(prepared.most_blocks):
                    self.unfinished, self._half_applied = self._local is None, self._local is not None
                    apply(self._store, prepared, sifter.sift)
                    if sifter.write_dead_letters():
                        self.dead_letters = dead_letters.count(self._store)
                        self._news.refused = prepared.last
                    stored = (key for key in prepared.message_keys() if key not in sifter.keys)
                    self._seen.add(list(stored), prepared.received_at)
                    self.stored = prepared.last
                    self._reached = max(self._reached, sifter.newest_session)
                    self.unfinished = self._half_applied = False
                break
            except Exception as error:
                self.trouble = f"the store refuses the batch at offset {prepared.first}: {shown(error)}"
                logger.error("%s; trying again", self.trouble)
                if self._local is not None:
                    self._refusals.record_failure(range_of(self._log, prepared.first, prepared.last), error)
                    raise _HalfApplied from error
                if self._stopping.wait(pause):
                    raise
                pause = min(pause * 2, 10)
        self._refusals.stored(prepared.last, bool(prepared.events))
        self._pause = 0.0
        self.versions.update(dict.fromkeys(prepared.projects, prepared.last))
        if prepared.claims or prepared.aliases or prepared.separated:
            self._news.merged = prepared.last
        self.trouble, self._progress_at = "", time.monotonic()
        due = self._local is None or time.monotonic() - self._checkpointed_at > self._checkpoint_seconds
        if not due or self._try_checkpoint():
            path.unlink(missing_ok=True)

    def _go_back_until_done(self) -> None:
        self._position = None  # no checkpoint until the store is back
        while not self._stopping.is_set():
            try:
                self._go_back()
                return
            except (QuestionFailed, OSError) as error:
                logger.exception("the store cannot go back to its checkpoint; trying again")
                self.trouble = f"the store cannot go back to its checkpoint: {shown(error)}"
                self._stopping.wait(2)

    def _go_back(self) -> None:
        """Undo what was stored since the checkpoint and continue from there, after a batch that may be half applied.

        The engine does not say which tables a failed batch reached; a full disk also corrupts its deduplication log.
        """
        assert self._local is not None
        self._doing, self._under_way = "going back to the checkpoint", set()
        if self._applying is not None and not self._applying.cancel():
            self._applying.exception()  # waits: it would store its batch after the store has gone back
        self._stopping.wait(self._pause)
        self._pause = min(self._pause * 2 + 0.2, 10)
        self._applying = self._ready = self._derivers = self._position = None
        with self.store_lock, suspended(self._store):
            known = checkpoint.read(self._directory)
            assert known is not None
            self._store.durability.generation += 1
            checkpoint.restore(self._local, known)
            self._seen = SeenMessages(self._directory / "ids", known.ids)
            self._log.go_to(known.offset, known.positions)
            self.stored = self.durable = known.offset
            self._half_applied = False
        self._position = max(self.stored, self._log.start)

    def checkpoint(self) -> None:
        """Make everything that is stored now durable; after this returns, a power cut cannot undo it.

        Raises:
            OSError, StoreBusy: the disk failed; a batch failed and the store has not gone back to its checkpoint yet.
        """
        with self.store_lock:
            if self._half_applied:
                raise StoreBusy("the store is about to go back to its checkpoint")
            offset = self.stored
            tables = checkpoint.tables(self._store, self._local) if self._local else {}
            ids, positions = self._seen.flush(), self._log.positions(offset)
            current = Checkpoint(offset=offset, log=self._log.id, tables=tables, ids=ids, positions=positions)
            current.newest = self._reached
            if current != self._newest:
                if self._local:
                    checkpoint.sync(self._local)
                checkpoint.write(self._directory, current)
                self._newest = current
            elif self._local:
                checkpoint.copy_to_reserve(self._directory)
            self._seen.settle()
            self.durable = offset
            self._news.lost = self.lost
            self._log.settle(offset, self._news.text())
            self._refusals.durable(offset)
            self._checkpointed_at = time.monotonic()

    def _try_checkpoint(self) -> bool:
        """Write a checkpoint; return False when that fails, and leave the next try to the next batch or idle moment."""
        try:
            self.checkpoint()
        except (OSError, QuestionFailed) as error:
            self.trouble = f"the checkpoint cannot be written: {shown(error)}"
            logger.error("%s; trying again", self.trouble)
            return False
        return True

    def finish_prepared(self) -> None:
        """Store what was prepared for a server before the process ended, and end. Raises QuestionFailed, OSError."""
        self._stopping.set()  # each is tried once
        self._apply_prepared()
        self.checkpoint()

    def _apply_prepared(self) -> None:
        for path, prepared in left_in(self._directory, self.stored):
            logger.info("applying the batch of offsets %d to %d again", prepared.first, prepared.last - 1)
            self._log.follow(prepared.spans)
            self._apply(prepared, path)

    def _report(self, gap: Gap) -> None:
        if gap not in self.gaps:
            self.gaps.append(gap)
            logger.error("offsets %d to %d of the log cannot be read (%s)", gap.first, gap.last - 1, gap.file)


class _HalfApplied(Exception):
    """A batch failed while it was being applied."""
