"""The loader: log → enrich → store, each message exactly once.

A batch is prepared (deduplicated, enriched, given sessions), written to disk as the very blocks that will be
inserted, and then applied. After a crash, prepared batches are applied again before anything else is read: their
tokens, made from log offsets, let the engine drop what it already has. See docs/decisions/0004-exactly-once.md.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import msgspec

from trackway.enrich.bot import named
from trackway.enrich.identity import Identities
from trackway.enrich.orders import Order, Orders
from trackway.enrich.pipeline import NO_SESSION, enrich, message_key, session_hint
from trackway.enrich.session import without_session
from trackway.enrich.sessionizer import Sessionizer
from trackway.event import Arrival, Event, Message, Millis, Rejection, Violation
from trackway.log import Gap, LocalLog
from trackway.store import rows
from trackway.store.batch import Prepared, apply, moves
from trackway.store.connection import Store
from trackway.store.history import StoredHistory
from trackway.store.refusals import QuestionFailed, shown
from trackway.store.seen import SeenMessages

logger = logging.getLogger("trackway.store.loader")


class Loader:
    """Moves what is in the log into the store, in a thread of its own.

    Args:
        log: read from where the store left off.
        store: migrated.
        directory: for prepared batches and message ids.
        batch_messages, batch_seconds: a batch is full at so many messages or after so long.
        keep_log_hours: how long segments stay after they are stored.
    """

    def __init__(
        self,
        log: LocalLog,
        store: Store,
        directory: Path,
        batch_messages: int = 50_000,
        batch_seconds: float = 0.5,
        keep_log_hours: float = 72.0,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._log, self._store, self._directory = log, store, directory
        self._batch_messages, self._batch_seconds = batch_messages, batch_seconds
        self._keep_log_hours = keep_log_hours
        self._seen = SeenMessages(directory / "ids")
        self._stopping = threading.Event()
        self._applier = ThreadPoolExecutor(1, thread_name_prefix="apply")
        self._applying: Future[None] | None = None
        self._ready: Prepared | None = None
        self._under_way: set[bytes] = set()
        self._thread = threading.Thread(target=self._run, name="loader", daemon=True)
        self.stored = self._read_checkpoint()
        """The log offset below which everything is in the store."""
        self._stored_before = self.stored
        self.trouble = ""
        """Why nothing is being stored at the moment, or empty."""
        self.gaps: list[Gap] = []
        """Stretches of the log that could not be read."""
        self.still = threading.Lock()
        """Whoever holds it replaces counters, and nothing is stored meanwhile."""
        self._versions: dict[bytes, int] = {}
        self._position: int | None = None
        self._sessions: Sessionizer | None = None

    def _open(self) -> None:
        """What takes a moment on a large store, and collecting need not wait for."""
        if self._position is None:
            named("Mozilla/5.0")  # compiles the lists of crawlers before the first event waits for them
            self._redo()
            self._position = max(self.stored, self._log.start)
            if self.stored < self._position:
                self._report(Gap(self.stored, self._position, self._log.directory, 0))
        if self._sessions is None:
            history = StoredHistory(self._store, before=self.wait)
            self._sessions = Sessionizer(history, *history.recent())
            self._identities = Identities(history)
            self._orders = Orders(history)
            self.trouble = ""

    def version(self, project_id: UUID) -> int:
        """A number that grows when something of a project is stored."""
        return self._versions.get(project_id.bytes, self._stored_before)

    def start(self) -> None:
        """Begin to load."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch under way and end."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._applier.shutdown()

    def drain(self) -> None:
        """Load everything that is in the log now; for use without `start`."""
        while self._waiting():
            self._step()
        self.wait()

    def _waiting(self) -> int:
        """How many messages of the log are not yet on their way."""
        self._open()
        assert self._position is not None
        return self._log.end - self._position

    def wait(self) -> None:
        """Wait until the batch under way is in the store."""
        if self._applying is not None:
            self._applying.result()

    def _run(self) -> None:
        cleaned = time.monotonic()
        while not self._stopping.is_set():
            try:
                waiting = self._waiting()
                if waiting:
                    if waiting < self._batch_messages:
                        self._stopping.wait(self._batch_seconds)
                    self._step()
                    continue
                self._stopping.wait(0.02)
                if time.monotonic() - cleaned > 60:
                    cleaned = time.monotonic()
                    self._log.remove_stored(self.stored, self._keep_log_hours)
            except Exception as error:
                logger.exception("the loader failed after offset %d; trying again", self.stored)
                self.trouble = f"the loader fails after offset {self.stored}: {shown(error)}"
                self._stopping.wait(2)
        try:
            self.wait()
        except Exception:
            logger.exception("the last batch was not stored; it will be at the next start")

    def _step(self) -> None:
        """Prepare one batch while the one before it is being applied."""
        if self._ready is None:
            try:
                self._ready = self._prepare()
            except Exception:
                self._sessions = None  # a half-done batch must not count twice; they are read again
                raise
        self.wait()
        if self._ready is not None:
            path = self._directory / f"{self._ready.first:020d}.batch"
            _write_durably(path, msgspec.msgpack.encode(self._ready))
            self._applying = self._applier.submit(self._apply, self._ready, path)
            self._under_way = set(_split(self._ready.digests))
            self._ready = None

    def _prepare(self) -> Prepared | None:
        assert self._position is not None
        first = self._position
        messages: list[tuple[Message, Arrival, bytes]] = []
        rejected: list[tuple[Arrival, Rejection]] = []
        broken: list[tuple[Arrival, Violation]] = []
        received_at = 0
        position = first
        for item in self._log.read(first, self._batch_messages):
            position = item.last
            if isinstance(item, Gap):
                self._report(item)
                continue
            for arrival in item.arrivals():
                received_at = arrival.received_at
                project_id = arrival.project_id
                messages += [
                    (message, arrival, message_key(project_id, str(message.message_id))) for message in arrival.messages
                ]
                rejected += [(arrival, rejection) for rejection in arrival.rejections]
                broken += [(arrival, violation) for violation in arrival.violations]
        if position == first:
            return None
        prepared = self._build(first, position, received_at, self._fresh(messages), rejected, broken)
        self._position = position
        return prepared

    def _fresh(self, messages: list[tuple[Message, Arrival, bytes]]) -> list[tuple[Message, Arrival, bytes]]:
        """The messages whose id has not come before, in this batch or an earlier one."""
        known = self._seen.known([digest for _, _, digest in messages])
        here = set(self._under_way)
        fresh = []
        for item, old in zip(messages, known, strict=True):
            if not old and item[2] not in here:
                here.add(item[2])
                fresh.append(item)
        return fresh

    def _build(
        self,
        first: int,
        last: int,
        received_at: Millis,
        fresh: list[tuple[Message, Arrival, bytes]],
        rejected: list[tuple[Arrival, Rejection]],
        broken: list[tuple[Arrival, Violation]],
    ) -> Prepared:
        batch: list[tuple[Event, str]] = [
            (enrich(message, arrival, digest), session_hint(message)) for message, arrival, digest in fresh
        ]
        assert self._sessions is not None
        persons = self._identities.assign([event for event, _ in batch])
        for one in persons.separated:
            self._sessions.separate(one)
        outcome = self._sessions.assign([item for item in batch if item[1] != NO_SESSION], last)
        for event, hint in batch:
            if hint == NO_SESSION:
                without_session(event)
        orders = self._orders.assign((event for event, _ in batch), last)
        return Prepared(
            first,
            last,
            received_at,
            rows.events([event for event, _ in batch]) if batch else b"",
            rows.sessions(outcome.rows) if outcome.rows else b"",
            rows.rejections(rejected) if rejected else b"",
            moves(outcome.moved),
            b"".join(digest for _, _, digest in fresh),
            rows.claims(persons.claims) if persons.claims else b"",
            rows.aliases(persons.aliases) if persons.aliases else b"",
            rows.sign_outs(persons.sign_outs) if persons.sign_outs else b"",
            rows.identities(persons.identities) if persons.identities else b"",
            list({event.project_id for event, _ in batch}),
            _violations(fresh, broken),
            rows.orders(orders) if orders else b"",
            _ordered(orders),
        )

    def _apply(self, prepared: Prepared, path: Path) -> None:
        """Put a prepared batch into the store, trying until it is there; then move the checkpoint."""
        pause = 0.2
        while True:
            try:
                with self.still:
                    apply(self._store, prepared)
                break
            except (QuestionFailed, OSError) as error:
                self.trouble = f"the store does not take the batch at offset {prepared.first}: {shown(error)}"
                logger.error("%s; trying again in %.1f s", self.trouble, pause)
                if self._stopping.wait(pause):
                    raise
                pause = min(pause * 2, 10)
        self._seen.add(_split(prepared.digests), prepared.received_at)
        _write_durably(self._directory / "stored", str(prepared.last).encode())
        path.unlink(missing_ok=True)
        self._versions.update(dict.fromkeys(prepared.projects, prepared.last))
        self.stored = prepared.last
        self.trouble = ""

    def _redo(self) -> None:
        """Apply what was prepared before the process ended."""
        for path in sorted(self._directory.glob("*.batch")):
            prepared = msgspec.msgpack.decode(path.read_bytes(), type=Prepared)
            logger.info("applying the batch of offsets %d to %d again", prepared.first, prepared.last - 1)
            self._apply(prepared, path)

    def _read_checkpoint(self) -> int:
        path = self._directory / "stored"
        return int(path.read_text()) if path.exists() else 0

    def _report(self, gap: Gap) -> None:
        self.gaps.append(gap)
        logger.error("offsets %d to %d of the log cannot be read (%s)", gap.first, gap.last - 1, gap.file)


def _violations(fresh: list[tuple[Message, Arrival, bytes]], broken: list[tuple[Arrival, Violation]]) -> bytes:
    """Those of messages that are stored now, not of their repetitions; and those of messages that were rejected."""
    if not broken:
        return b""
    stored = {digest for _, _, digest in fresh}
    kept = {
        (digest, one.property, one.problem): (arrival, one)
        for arrival, one in broken
        if (digest := message_key(arrival.project_id, one.message_id)) in stored or one.rejected
    }
    return rows.violations(list(kept.values())) if kept else b""


def _ordered(orders: list[Order]) -> list[tuple[bytes, list[int]]]:
    found: dict[bytes, set[int]] = {}
    for order in orders:
        found.setdefault(order.project_id, set()).add(order.identity)
    return [(project_id, sorted(identities)) for project_id, identities in found.items()]


def _split(digests: bytes) -> list[bytes]:
    return [digests[at : at + 16] for at in range(0, len(digests), 16)]


def _write_durably(path: Path, data: bytes) -> None:
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
