"""Rebuilds the store from the log: `trackway rebuild`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from trackway import private
from trackway.config import Settings
from trackway.enrich.pipeline import adjust_sources
from trackway.log import Gap, LocalLog, locked
from trackway.store.connection import Store
from trackway.store.loader import Loader
from trackway.store.recovery import rebuild_marker, refuse_running
from trackway.store.refusals import QuestionFailed, StoreUnavailable

COPIED = (
    "entities", "undone_merges", "cohort_members", "rates", "costs", "watch_members", "customer_scores", "predictions",
    "prediction_models",
)  # fmt: skip
"""Tables that are not written by the loader: the log does not contain them, so they are copied from the old store."""


class CannotRebuild(Exception):
    """The log does not contain everything that is needed; the text says what is missing."""


class Rebuilt(NamedTuple):
    """The result of a rebuild: messages of the log, events in the new store, dead letters, the directory of the old
    store, and the tables that could not be copied.
    """

    messages: int
    events: int
    dead_letters: int
    old_store: str
    not_copied: list[str]


def rebuild(settings: Settings, archives: list[Path], from_log_only: bool, tell: Callable[[int, int], None]) -> Rebuilt:
    """Rebuild the local store of a stopped server from its log and archives.

    Args:
        archives: directories of older segments, which are first linked into the log.
        from_log_only: go on although older messages are in no log.
        tell: called with the number of stored messages and the total.

    Raises:
        CannotRebuild: the log and the archives do not reach back to the first message, or have a gap.
        LogInUse, LogDamaged: the log cannot be opened.
    """
    if settings.local_store is None:
        raise CannotRebuild("the store is a server; start with an empty database and without the loader directory")
    if settings.log:
        raise CannotRebuild(
            "the log is in Kafka, and rebuilding reads local files; move the directories store and loader away and "
            "start with an empty store: it is filled with what the topic still has"
        )
    if not archives and not list((settings.directory / "log").glob("*.log")):
        raise CannotRebuild(
            f"there is no log in {settings.directory / 'log'}, so the store cannot be rebuilt. Check the store with "
            "`trackway doctor`. If it is sound, leave it as it is. If it is damaged, restore the log or the whole "
            "directory from a backup, or name the directory of the archived segments with --archive"
        )
    with locked(settings.directory / "log"):
        for archive in archives:
            _link(archive, settings.directory / "log")
    log = LocalLog(settings.directory / "log", settings.segment_bytes)
    try:
        _check(log, from_log_only)
        refuse_running(settings.local_store)
        _restore_old_store(settings.directory)
        copied, not_copied = _tables_without_log(settings)
        stamp = f"before-{datetime.now(UTC):%Y%m%d%H%M%S}"
        private.write(rebuild_marker(settings.directory), stamp.encode())
        for name in ("store", "loader"):
            if (settings.directory / name).exists():
                (settings.directory / name).rename(settings.directory / f"{name}.{stamp}")
        adjust_sources(settings.passing_hosts, settings.internal_domains)
        store = Store(settings.store_dsn, clients=2, memory_mb=settings.engine_memory_mb)
        try:
            store.migrate()
            for table, rows in copied.items():
                if rows.num_rows:
                    store.put(table, rows, f"rebuild-{table}")
            loader = Loader(
                log, store, settings.directory / "loader", settings.batch_messages, local=settings.local_store
            )
            loader.checkpoint()
            rebuild_marker(settings.directory).unlink()
            loader.drain(lambda stored: tell(stored - log.start, log.end - log.start))
            loader.stop()
            events = int(store.ask("SELECT count() AS n FROM events")["n"][0].as_py())
            return Rebuilt(log.end - log.start, events, loader.dead_letters, f"store.{stamp}", not_copied)
        finally:
            store.close()
    finally:
        log.close()


def _link(archive: Path, log: Path) -> None:
    segments = sorted(archive.glob("*.log"))
    if not segments:
        raise CannotRebuild(f"there are no segments of a log in {archive}")
    for segment in segments:
        if (log / segment.name).exists():
            continue
        try:
            (log / segment.name).hardlink_to(segment)
        except OSError:
            half = log / f"{segment.name}.copying"
            shutil.copy2(segment, half)
            half.rename(log / segment.name)


def _restore_old_store(directory: Path) -> None:
    """Restore the old store if an earlier rebuild was interrupted before the tables that no log contains had been
    copied.
    """
    if not rebuild_marker(directory).exists():
        return
    stamp = rebuild_marker(directory).read_text()
    for name in ("store", "loader"):
        if (old := directory / f"{name}.{stamp}").exists():
            shutil.rmtree(directory / name, ignore_errors=True)
            old.rename(directory / name)


def _check(log: LocalLog, from_log_only: bool) -> None:
    lost = sum(item.last - item.first for item in log.read(log.start, 2**62) if isinstance(item, Gap)) + log.start
    if lost and not from_log_only:
        raise CannotRebuild(
            f"{lost} of {log.end} messages are in no segment of the log. Check the store with `trackway doctor`. If it "
            "is sound, leave it as it is. If it is damaged, restore the data directory from a backup, or name the "
            "directory of the older segments with --archive. Only if there is neither, --from-log-only builds a store "
            "without those messages (the old one is kept beside it)"
        )


def _tables_without_log(settings: Settings) -> tuple[dict[str, pa.Table], list[str]]:
    """Return the tables that the log does not contain, and the names of those that cannot be read."""
    tables: dict[str, pa.Table] = {}
    assert settings.local_store is not None
    if not settings.local_store.exists():
        return {}, []
    try:
        store = Store(settings.store_dsn, clients=1)
    except StoreUnavailable:
        return {}, list(COPIED)
    try:
        for table in COPIED:
            try:
                tables[table] = store.ask(f"SELECT * FROM {table}")
            except QuestionFailed:
                continue
    finally:
        store.close()
    return tables, [table for table in COPIED if table not in tables]
