"""Imports and exports of a running server: run one after the other, with progress; each can be stopped at any moment.

An import waits for the project's loader. One that stores nothing at all for some minutes ends the import, because the
transfers of all projects wait for it.

A transfer that was interrupted by a server stop starts again at the next server start: an import's messages have the
same ids as before, and an export's file is written from its beginning.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any, BinaryIO, Protocol
from uuid import UUID

import msgspec
import pyarrow as pa

from trackway.analyze.data.export import parts, read
from trackway.analyze.file_formats import WRITERS, prepared
from trackway.analyze.language.filters import read as read_filter
from trackway.analyze.language.period import BadQuestion, Period
from trackway.analyze.language.question import Question
from trackway.collect.dialects.files import BadFile, InputFile, ReadingOptions
from trackway.collect.privacy import Privacy
from trackway.event import Arrival
from trackway.govern.saved.tables import Transfer
from trackway.govern.saved.transfers import Transfers
from trackway.log import LogUnavailable
from trackway.operate.file_import import Cancelled, write_import
from trackway.private import PART, durably
from trackway.store.connection import Store
from trackway.store.lookups import event_count
from trackway.store.policy import Policy
from trackway.store.refusals import QuestionFailed, shown

logger = logging.getLogger("trackway.operate")

EXPORTS = (*WRITERS, "ndjson")
_MOST_WAITING = 200_000
"""Messages that may wait to be stored before an import writes more."""
_SAID_EVERY_S = 0.5
_LOOKED_EVERY_S = 1.0


def write_export(
    store: Store, question: Question, table: str, sink: BinaryIO, form: str, report: Callable[[int, int], None]
) -> int:
    """Write a table of a project to a file, part by part, and return the number of rows.

    Args:
        report: called with the rows written and the total; may raise Cancelled.
    """
    planned = parts(store, question, table)
    total, written = sum(part.rows for part in planned), 0
    writer: Any = None
    for table_part in read(store, question, table, planned):
        if form == "ndjson":
            sink.writelines(msgspec.json.encode(row) + b"\n" for row in table_part.to_pylist())
        else:
            table_part = prepared(table_part, form)
            writer = writer or WRITERS[form](sink, table_part.schema)
            writer.write_table(table_part)
        written += table_part.num_rows
        report(written, total)
    if writer is not None:
        writer.close()
    return written


class Progress(Protocol):
    """The progress of the loaders."""

    def waiting(self, project_id: UUID) -> int:
        """Return the number of messages that wait to be stored, with those of a project."""
        ...

    def stored(self, project_id: UUID) -> int:
        """Return a number that grows whenever the loader of a project stores something."""
        ...

    def mark(self, project_id: UUID) -> Callable[[], bool]:
        """Return whether everything in the log of a project is stored that is there now, as a function."""
        ...


class Standstill(Exception):
    """The loader of the project has stored nothing for longer than an import waits; the text says what waits."""


_TOLD = (BadFile, BadQuestion, QuestionFailed, LogUnavailable, OSError, Standstill, pa.ArrowException)
"""Errors whose text says to the user what to do."""


class TransferWorker:
    """Runs transfers in a thread.

    Args:
        directory: the directory of the files.
        key: the key for the pseudonyms of an access log's visitors.
        write: writes an arrival to the log, from any thread.
        progress: of the loaders.
        patience_s: the seconds for which an import waits while nothing is stored.
    """

    def __init__(
        self,
        directory: Path,
        transfers: Transfers,
        store: Store,
        privacy: Privacy,
        key: bytes,
        write: Callable[[Arrival], None],
        progress: Progress,
        patience_s: float,
    ) -> None:
        self._directory = directory
        self._transfers, self._store, self._privacy, self._key = transfers, store, privacy, key
        self._write, self._progress, self._patience_s = write, progress, patience_s
        self._queue: queue.Queue[Transfer | None] = queue.Queue()
        self._known: set[str] = set()
        self._cancelled: set[str] = set()
        self._stopping = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="transfers", daemon=True)

    def file_of(self, transfer: Transfer) -> Path:
        """Return the path of a transfer's file."""
        return self._directory / transfer.id

    def start(self) -> None:
        """Start the thread, with the unfinished transfers."""
        self._directory.mkdir(parents=True, exist_ok=True)
        for half in self._directory.glob(f"*{PART}"):
            half.unlink()
        for transfer in self._transfers.outdated():
            self.forget(transfer)
        for transfer in self._transfers.unfinished():
            self.add(transfer)
        self._thread.start()

    def stop(self) -> None:
        """Stop at the next part of the running transfer."""
        self._stopping = True
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join(30)

    def add(self, transfer: Transfer) -> None:
        """Queue a transfer."""
        with self._lock:
            if transfer.id not in self._known:
                self._known.add(transfer.id)
                self._queue.put(transfer)

    def cancel(self, transfer: Transfer) -> None:
        """Cancel a transfer, whether it is running or not."""
        self._cancelled.add(transfer.id)

    def forget(self, transfer: Transfer) -> None:
        """Delete a transfer and its file."""
        self.file_of(transfer).unlink(missing_ok=True)
        self._transfers.forget(transfer.id)

    def _work(self) -> None:
        while (transfer := self._next()) is not None and not self._stopping:
            try:
                self._check(transfer)
                self._transfers.change(transfer.id, state="running")
                outcome = self._import(transfer) if transfer.kind == "import" else self._export(transfer)
                self._transfers.change(transfer.id, state="done", outcome=outcome)
            except Cancelled:
                if self._stopping:
                    return  # it starts again at the next server start
                self._transfers.change(transfer.id, state="cancelled")
                self.file_of(transfer).unlink(missing_ok=True)
            except _TOLD as error:
                self._transfers.change(transfer.id, state="failed", message=shown(error)[:1000])
            except Exception as error:
                logger.exception("a transfer failed")
                self._transfers.change(transfer.id, state="failed", message=shown(error)[:1000])
            self._cancelled.discard(transfer.id)
            if transfer.kind == "import":
                self.file_of(transfer).unlink(missing_ok=True)

    def _next(self) -> Transfer | None:
        """Return the next transfer. The command line adds transfers to the database without this queue, so the database
        is checked too.
        """
        while True:
            try:
                return self._queue.get(timeout=_LOOKED_EVERY_S)
            except queue.Empty:
                self._look()

    def _look(self) -> None:
        try:
            waiting = [
                transfer
                for transfer in self._transfers.unfinished()
                if transfer.kind == "import" and self.file_of(transfer).exists()
            ]
        except Exception:
            logger.exception("the list of transfers cannot be read")
            return
        for transfer in waiting:
            self.add(transfer)

    def _check(self, transfer: Transfer) -> None:
        if self._stopping or transfer.id in self._cancelled:
            raise Cancelled

    def _reporter(self, transfer: Transfer) -> Callable[..., None]:
        """Return a function that records progress, at most twice a second."""
        reported_at = monotonic()

        def report(**progress: Any) -> None:
            nonlocal reported_at
            self._check(transfer)
            if monotonic() - reported_at > _SAID_EVERY_S:
                reported_at = monotonic()
                self._transfers.change(transfer.id, **progress)

        return report

    def _import(self, transfer: Transfer) -> dict[str, Any]:
        report = self._reporter(transfer)
        if not self.file_of(transfer).exists():
            raise BadFile("the server stopped before the whole file had arrived; import it again")
        reading = msgspec.convert(transfer.asked, ReadingOptions)
        packed = InputFile.open(self.file_of(transfer), transfer.name, reading.encoding)
        project_id = UUID(transfer.project_id)
        before = event_count(self._store, project_id)
        self._transfers.change(transfer.id, total=packed.size)

        def write(arrival: Arrival) -> None:
            try:
                self._wait(transfer, lambda: self._progress.waiting(project_id) <= _MOST_WAITING)
            except Standstill as error:
                raise Standstill(
                    f"a part of the file is in the log: {error}. Import the file again then; what is in the log is not "
                    "counted twice"
                ) from error
            self._write(arrival)

        try:
            outcome = write_import(
                packed, transfer.form, project_id, self._privacy, self._key, write,
                lambda done, outcome: report(done=done, outcome=outcome), reading,
            )  # fmt: skip
        finally:
            packed.close()
        self._transfers.change(transfer.id, done=packed.size, outcome=outcome)
        try:
            self._wait(transfer, self._progress.mark(project_id))
        except Standstill as error:
            raise Standstill(
                f"the whole file is in the log, and need not be imported again: {error}; so far, the project has "
                f"{event_count(self._store, project_id) - before} more events than before"
            ) from error
        return {**outcome, "added": event_count(self._store, project_id) - before}

    def _wait(self, transfer: Transfer, holds: Callable[[], bool]) -> None:
        """Wait until something holds that the project's loader brings about. Raises Standstill."""
        project_id = UUID(transfer.project_id)
        stored, since = -1, monotonic()
        while not holds():
            self._check(transfer)
            sleep(0.05)
            if (reached := self._progress.stored(project_id)) != stored:
                stored, since = reached, monotonic()
            elif monotonic() - since > self._patience_s:
                raise Standstill(
                    f"{self._progress.waiting(project_id)} messages wait, and the project's loader has stored nothing "
                    f"for {self._patience_s:g} s; they are stored as soon as it goes on (/readyz says what it lacks)"
                )

    def _export(self, transfer: Transfer) -> dict[str, int]:
        report = self._reporter(transfer)
        options = transfer.asked
        question = Question(
            project_id=UUID(transfer.project_id),
            period=Period(*(datetime.fromisoformat(at).astimezone(UTC) for at in options["period"])),
            timezone=options["timezone"],
            filters=() if options["filter"] is None else (read_filter(options["filter"]),),
            bots=options["bots"],
            overruled_bot_reasons=tuple(options["humans"]),
            metrics=options.get("metrics", ""),
        )
        with durably(self.file_of(transfer)) as sink:
            rows = write_export(
                self._store.within(Policy(question.project_id)), question, options["table"], sink, transfer.form,
                lambda done, total: report(done=done, total=total),
            )  # fmt: skip
        self._transfers.change(transfer.id, done=rows, total=rows)
        return {"rows": rows, "bytes": self.file_of(transfer).stat().st_size}
