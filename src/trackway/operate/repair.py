"""Repairs of a data directory with which the server refuses to start, one for each case: `trackway doctor --repair
NAME`.

Nothing is deleted: replaced files are kept beside the new ones.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from trackway.config import Settings
from trackway.enrich.pipeline import message_key
from trackway.event import now
from trackway.log import LocalLog, Log, frame, locked
from trackway.log.protocol import Positions
from trackway.operate.repair_accounts import repair_accounts
from trackway.statements import Statements
from trackway.store import checkpoint
from trackway.store.checkpoint import Checkpoint, Missing
from trackway.store.connection import Store
from trackway.store.derived_tables import disagreements, refill
from trackway.store.message_ids import WINDOW_DAYS, Files, SeenMessages
from trackway.store.recovery import kafka_log, refuse_half_rebuilt, refuse_running, refuse_undefined
from trackway.store.restated_sessions import restate_sessions

_sql = Statements(__name__)

_DAY = 86_400_000
_LONG_DAYS = 60
"""More days than a topic keeps its records."""


class CannotRepair(Exception):
    """The repair does not apply to this data directory; the text says why."""


def repair_log(settings: Settings) -> str:
    """Restore the names of log segments that were renamed or swapped."""
    directory = settings.directory / "log"
    with locked(directory):
        return _rename(directory)


def _rename(directory: Path) -> str:
    wrong: dict[Path, Path] = {}
    for segment in sorted(directory.glob("*.log")):
        with segment.open("rb") as file:
            first = frame.first_of(file.read(frame.HEAD.size))
        if first is not None and f"{first:020d}" != segment.stem:
            wrong[segment] = directory / f"{first:020d}.log"
    if not wrong:
        raise CannotRepair("every segment of the log has the right name")
    if blocked := [path for path in wrong.values() if path.exists() and path not in wrong]:
        raise CannotRepair(f"{blocked[0]} already exists with other messages; move one of the two files away")
    for segment in wrong:
        segment.rename(segment.with_suffix(".renaming"))
    for segment, path in wrong.items():
        segment.with_suffix(".renaming").rename(path)
    return f"renamed {len(wrong)} segments"


def repair_checkpoint(settings: Settings) -> str:
    """Determine what is stored when the checkpoint is missing, damaged or of another log.

    The next start stores what the log contains and the store lacks, and nothing twice.
    """
    local, loader = _local(settings), settings.directory / "loader"
    # Numbers of messages never go back, as rows with a higher one replace others.
    least = max((known.offset for known in checkpoint.readable(loader) if known.positions), default=0)
    with _logged(settings, least) as log:
        # A checkpoint whose parts all exist gives everything except message ids. One that is older than a checkpoint of
        # another log does not have what was stored from that.
        of_this_log = itertools.takewhile(lambda candidate: candidate.log == log.id, checkpoint.readable(loader))
        whole = (candidate for candidate in of_this_log if _has_all(local, candidate))
        if (newest := next(whole, None)) is not None:
            checkpoint.restore(local, newest)
        with _stored(settings) as store:
            if newest is not None:
                return _count_ids(settings, local, log, store, newest)
            return _count_all(settings, local, log, store)


def _has_all(local: Path, candidate: Checkpoint) -> bool:
    return not checkpoint.undefined_tables(local, candidate) and not checkpoint.missing_parts(local, candidate)


def _count_ids(settings: Settings, local: Path, log: Log, store: Store, newest: Checkpoint) -> str:
    ids = SeenMessages(_set_aside_directory(settings.directory / "loader") / "ids")
    for day, digests in _stored_ids(store, _first_arrival(log)).items():
        ids.add(digests, day * _DAY)
    _write(settings, local, store, log, newest.offset, ids.flush(), newest.positions)
    return (
        f"the store is at the newest readable checkpoint whose parts all exist; the next start stores the log from "
        f"offset {newest.offset} on"
    )


def _count_all(settings: Settings, local: Path, log: Log, store: Store) -> str:
    first_at = _first_arrival(log)
    ids = SeenMessages(_set_aside_directory(settings.directory / "loader") / "ids")
    stored_ids = _stored_ids(store, first_at)
    for day, digests in stored_ids.items():
        ids.add(digests, day * _DAY)
    # Requests refused at arrival are read again from the log, and have no id to recognize them by.
    for table in ("rejections", "violations"):
        store.everywhere(_sql("forget_refused", table=table), {"at": first_at})
    filled = f", and filled {len(refill(store))} derived tables again" if disagreements(store) else ""
    _write(settings, local, store, log, log.start, ids.flush(), log.positions(log.start))
    return (
        f"{sum(map(len, stored_ids.values()))} messages are stored; the next start reads the log again from offset "
        f"{log.start} to {log.end}, and stores what is not stored yet{filled}"
    )


def repair_store(settings: Settings) -> str:
    """Continue with the rest of a store that has lost parts. Derived tables are filled again, so that numbers agree."""
    local = _local(settings)
    newest = checkpoint.read(settings.directory / "loader")
    if newest is None:
        raise CannotRepair("there is no checkpoint; run `trackway doctor --repair checkpoint` first")
    with _logged(settings, newest.offset) as log:
        refuse_undefined(local, newest)
        missing = checkpoint.restore(local, newest)
        with _stored(settings) as store:
            return _fill(settings, local, log, store, newest, missing)


def _fill(settings: Settings, local: Path, log: Log, store: Store, newest: Checkpoint, missing: list[Missing]) -> str:
    if not missing and not disagreements(store):
        raise CannotRepair("the store has all its parts, and its tables agree")
    sessions = restate_sessions(store, newest.offset)
    filled = refill(store)
    result = f"{sessions} sessions and {len(filled)} derived tables were filled again from the remaining rows"
    tables = sorted({part.table for part in missing})
    if missing:
        rows = sum(part.rows for part in missing)
        result = f"{rows} rows in {len(missing)} parts of {', '.join(tables)} are lost; {result}"
    if "events" not in tables:
        _write(settings, local, store, log, newest.offset, newest.ids, newest.positions)
        return result
    # Lost events may arrive again: from the log, if it still contains them, or from their senders.
    return f"{result}; {_count_all(settings, local, log, store)}"


def _repair_accounts(settings: Settings) -> str:
    """Create the projects that have events and are missing from the accounts database."""
    if settings.loaders > 1:
        raise CannotRepair(
            "with several loaders, only the accounts database knows which of them has which project; restore it from a "
            "backup"
        )
    return "\n".join(repair_accounts(settings))


REPAIRS: dict[str, Callable[[Settings], str]] = {
    "log": repair_log, "checkpoint": repair_checkpoint, "store": repair_store,
    "accounts": _repair_accounts,
}  # fmt: skip
"""The named repairs."""


def _local(settings: Settings) -> Path:
    if settings.local_store is None:
        raise CannotRepair("the store is a server; its own tools repair it")
    if not settings.local_store.exists():
        raise CannotRepair(f"there is no store in {settings.directory}")
    return settings.local_store


@contextmanager
def _logged(settings: Settings, least: int = 0) -> Iterator[Log]:
    """Open the log. Its lock keeps servers out: no file of the store may be changed without it."""
    files = settings.directory / "log"
    log: Log = kafka_log(settings.log, files) if settings.log else LocalLog(files, settings.segment_bytes)
    try:
        refuse_half_rebuilt(settings.directory)
        refuse_running(_local(settings))
        log.go_to(least, {})
        yield log
    finally:
        log.close()


@contextmanager
def _stored(settings: Settings) -> Iterator[Store]:
    """Open the store in the state of its files."""
    store = Store(settings.store_dsn, clients=1, memory_mb=settings.engine_memory_mb)
    try:
        store.migrate()
        yield store
    finally:
        store.close()


def _first_arrival(log: Log) -> int:
    """Return the time of arrival of the first request in the log; for a topic of Kafka, a time long before."""
    if not isinstance(log, LocalLog):
        return now() - _LONG_DAYS * _DAY
    for item in log.read(log.start, 2**62):
        for arrival in getattr(item, "arrivals", lambda: ())():
            return int(arrival.received_at)
    return now()


def _stored_ids(store: Store, since: int) -> dict[int, list[bytes]]:
    """Return the keys of messages that are stored or dead letters, by day of arrival, from the deduplication window
    before `since` on.
    """
    rows = store.ask(
        _sql("stored_ids"),
        {"since": since - (WINDOW_DAYS + 1) * _DAY},
    )
    ids_by_day: dict[int, list[bytes]] = {}
    columns = (rows[name].to_pylist() for name in ("project_id", "message_id", "day"))
    for project_id, message_id, day in zip(*columns, strict=True):
        owner = project_id.bytes if isinstance(project_id, UUID) else project_id
        ids_by_day.setdefault(day, []).append(message_key(owner, message_id))
    return ids_by_day


def _set_aside_directory(directory: Path) -> Path:
    """Rename a directory to keep its contents, and create an empty one."""
    if directory.exists():
        directory.rename(directory.with_name(f"{directory.name}.before-{datetime.now(UTC):%Y%m%d%H%M%S}"))
    directory.mkdir(mode=0o700)
    return directory


def _write(settings: Settings, local: Path, store: Store, log: Log, offset: int, ids: Files, places: Positions) -> None:
    tables = checkpoint.tables(store, local)
    checkpoint.sync(local)
    repaired = Checkpoint(offset=offset, log=log.id, tables=tables, ids=ids, positions=places)
    checkpoint.write(settings.directory / "loader", repaired)
