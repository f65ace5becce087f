"""Recovery before the store is opened: its files go back to the newest checkpoint, or the start is refused.

Every refusal names the command that repairs the directory (`operate/repair.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trackway.log import DirectoryUnusable, LocalLog, Log, Readable
from trackway.store import checkpoint
from trackway.store.batch import read_prepared
from trackway.store.checkpoint import BadCheckpoint, Checkpoint, Missing
from trackway.store.connection import Store
from trackway.store.engine import EngineUnavailable, end_orphan
from trackway.store.migration import is_outdated
from trackway.store.process_lock import StillHeld, end_holder
from trackway.store.refusals import StoreUnavailable
from trackway.store.unfinished import remove_half_created
from trackway.store.unmoved import is_held

if TYPE_CHECKING:
    from trackway.govern.loaders import Divided
    from trackway.log.kafka import KafkaLog


def open_log(
    directory: Path, local: Path | None, segment_bytes: int = 64 * 1024 * 1024, address: str = "", number: int = 0
) -> tuple[Log, Checkpoint | None]:
    """Open the log of a data directory, whose lock keeps other processes out, and bring its store to the checkpoint.

    Args:
        directory: the data directory.
        local: the directory of a local store, which is not open; None for a server.
        address: of a log in Kafka; empty for the local files.
        number: the number of the loader whose topic it is.

    Raises:
        LogInUse, LogDamaged, TopicUnusable: the log cannot be opened.
        BadCheckpoint: the checkpoint is damaged, the store lacks parts that it lists, or a rebuild was not finished;
            the log is another one than before, and the former may have messages that are not stored.
    """
    refuse_half_rebuilt(directory)
    known = checkpoint.read(directory / "loader")
    _refuse_leaving(directory, known, address)
    log: Log = kafka_log(address, directory / "log", number) if address else LocalLog(directory / "log", segment_bytes)
    try:
        if known is not None and address:
            log.go_to(known.offset, known.positions)
        if local is not None:
            refuse_running(local)
        known = recover(directory / "loader", local, log)
        if known is not None:
            log.go_to(known.offset, known.positions)
        return log, known
    except BaseException:
        log.close()
        raise


def kafka_log(address: str, directory: Path | None, number: int = 0) -> KafkaLog:
    """Open a log in Kafka. Raises DirectoryUnusable, also when the client is not installed."""
    try:
        from trackway.log.kafka import KafkaLog
    except ImportError as error:
        raise DirectoryUnusable(
            "the setting log names Kafka, and its client cannot be loaded "
            f"({error}); install it: pip install 'trackway[server,kafka]'"
        ) from error
    return KafkaLog(address, directory, number)


def _refuse_leaving(directory: Path, known: Checkpoint | None, address: str) -> None:
    """Refuse another log than before while the former may have messages that are not stored. Raises BadCheckpoint."""
    if known is not None and known.positions:
        if not address:
            raise BadCheckpoint(
                f"the store in {directory} is loaded from Kafka, and the setting log is empty; set it again, or, when "
                "everything in the topic is stored, run `trackway doctor --repair checkpoint`"
            )
    elif address and any((directory / "log").glob("*.log")):
        files = LocalLog(directory / "log")
        try:
            waiting = files.end - (known.offset if known else 0)
        finally:
            files.close()
        if waiting > 0:
            raise BadCheckpoint(
                f"{waiting} messages in the files of {directory / 'log'} are not stored; start once without the "
                "setting log, and stop when /readyz says that everything is stored"
            )


def refuse_running(local: Path) -> None:
    """End the loader process and the engine process of a server that was killed. Raises BadCheckpoint when they go on,
    or when the store is being copied.
    """
    if is_held(local.parent, "lock"):
        raise BadCheckpoint(f"`trackway store move` is copying the store in {local}; wait until it ends, or stop it")
    try:
        end_orphans(local)
    except EngineUnavailable as error:
        raise BadCheckpoint(f"the store in {local} cannot be opened: {error}; end that process") from error


def end_orphans(local: Path) -> None:
    """End the loader process and the engine process of a server that was killed.

    Raises:
        EngineUnavailable: they go on.
    """
    try:
        end_holder((local.parent / "loader").absolute())
    except StillHeld as error:
        raise EngineUnavailable(f"the loader process goes on: {error}") from error
    end_orphan(local)


def recover(directory: Path, local: Path | None, log: Readable) -> Checkpoint | None:
    """Bring a local store to the newest checkpoint; return it, or None when there never was one.

    Args:
        directory: the loader's directory.
        local: the directory of a local store; None for a server.
        log: open, so that no other process touches the store.

    Raises:
        BadCheckpoint: the checkpoint is damaged, or the store lacks parts that it lists; the store stays unchanged.
    """
    known = checkpoint.read(directory)
    if local is not None:
        remove_half_created(local)
    if local is None or known is None:
        return known
    refuse_undefined(local, known)
    _refuse_missing(local, checkpoint.missing_parts(local, known), known, log)
    checkpoint.restore(local, known)
    if not checkpoint.is_damaged(directory):
        checkpoint.copy_to_reserve(directory)
    return known


def _refuse_missing(local: Path, missing: list[Missing], known: Checkpoint, log: Readable) -> None:
    if not missing:
        return
    rows, tables = sum(part.rows for part in missing), sorted({part.table for part in missing})
    lost = f"has lost {len(missing)} parts with {rows} rows of {', '.join(tables)}"
    if log.end >= known.offset:
        raise BadCheckpoint(
            f"the store in {local} {lost}; restore the data directory from a backup, or rebuild the store from the "
            "log: `trackway rebuild`"
        )
    raise BadCheckpoint(
        f"the store in {local} {lost}, and the log ends {known.offset - log.end} messages before the last stored "
        "one: this is a copy that was made while the server ran and messages came in, or its disk is damaged; copy the "
        "data directory again, or rebuild the store from the messages in the log: `trackway rebuild --from-log-only`"
    )


def refuse_undefined(local: Path, known: Checkpoint) -> None:
    """Check that the engine will find the checkpoint's own tables under their names. Raises BadCheckpoint if not."""
    if absent := checkpoint.undefined_tables(local, known):
        raise BadCheckpoint(
            f"the store in {local} has lost {', '.join(absent)}: its definition is missing or damaged; restore the "
            "data directory from a backup, or rebuild the store from the log: `trackway rebuild`"
        )


def rebuild_marker(directory: Path) -> Path:
    """Return the path of the file that marks an unfinished `trackway rebuild` in a data directory.

    The file exists until the new store also has the data that is not in the log. It contains the suffix under which the
    old store is kept.
    """
    return directory / "rebuilding"


def refuse_half_rebuilt(directory: Path) -> None:
    """Refuse a data directory whose rebuild ended before the new store had the data that is not in the log.

    Raises:
        BadCheckpoint: the rebuild was not finished.
    """
    if rebuild_marker(directory).exists():
        raise BadCheckpoint(
            f"`trackway rebuild` in {directory} was not finished, and the store lacks the data that is not in the log; "
            "run `trackway rebuild` again"
        )


def has_begun_batch(loader: Path, store: Store) -> bool:
    """Whether the tables of a server are about to change while it may have a batch in part: a new or renewed view does
    not know the tokens of that part, and would count it twice.

    Args:
        loader: the loader's directory.
    """
    return store.directory is None and any(loader.glob("*.batch")) and is_outdated(store)


def refuse_begun_batch(loader: Path, store: Store) -> None:
    """Refuse to change the tables of a server that may have a batch in part. Raises StoreUnavailable."""
    if has_begun_batch(loader, store):
        raise StoreUnavailable(
            f"the server may have a part of a batch (in {loader}), and its tables have to be brought up to date; start "
            "the server, which stores the rest of it first"
        )


def refuse_unknown(
    known: Checkpoint | None,
    loader: Path,
    store: Store,
    log: Log,
    local: Path | None,
    projects: Divided | None = None,
) -> str:
    """Refuse to load into a store whose content is unknown; return what the store may lack, or empty.

    Args:
        known: the checkpoint.
        loader: the loader's directory.
        store: migrated.
        local: the store's directory; None for a server.
        projects: those of the loader and those of all others, when there are several.

    Raises:
        BadCheckpoint: there are events and no checkpoint, the checkpoint belongs to another log, the engine left out
            parts of the checkpoint (it does so silently with damaged parts), or a server and the data directory are
            not of the same time.
    """
    if known is not None and local is not None:
        _refuse_missing(local, checkpoint.inactive_parts(known, checkpoint.tables(store, local)), known, log)
    own = "WHERE project_id NOT IN {others:Array(UUID)}" if projects else ""
    values = {"others": projects.of_others} if projects else {}
    events = 0 if known else store.ask(f"SELECT count() AS n FROM events {own}", values)["n"][0].as_py()
    if events:
        raise BadCheckpoint(
            f"the store holds {events} events, but {loader} does not say up to which offset of the log; "
            "run `trackway doctor --repair checkpoint`, which computes the offset"
        )
    if known is not None and known.log != log.id and (log.start < known.offset or known.positions):
        raise BadCheckpoint(
            "the log is not the one that the store was loaded from; restore the right one, or "
            + (
                "give this process its own data directory and the setting log that it had"
                if local is None
                else "run `trackway doctor --repair checkpoint`, which loads the messages that the store lacks"
            )
        )
    return _refuse_another_time(known, loader, store, projects) if known is not None and local is None else ""


def _refuse_another_time(known: Checkpoint, loader: Path, store: Store, projects: Divided | None) -> str:
    """Refuse a server that has more than the checkpoint and the batches that were prepared, or nothing of it; return
    what it may lack. The version of a session is the offset after the batch that wrote it.

    A checkpoint of an earlier version does not say what to expect.
    """
    if not known.newest:
        return ""
    own = "WHERE project_id IN {own:Array(UUID)}" if projects else ""  # others have numbers of their own
    values = {"own": projects.own} if projects else {}
    found = store.ask(f"SELECT max(version) AS n FROM sessions {own}", values)["n"][0].as_py()
    prepared = filter(None, map(read_prepared, loader.glob("*.batch")))
    reached = max([known.offset, known.newest, *(batch.last for batch in prepared)])
    has = f"the server has messages up to offset {found}, and {loader} has stored them up to {reached}"
    if found > reached:
        raise BadCheckpoint(
            f"{has}: this data directory is older than the server's tables, and messages would be stored twice; "
            "restore both from backups of the same time"
        )
    if not found:
        raise BadCheckpoint(
            f"{loader} has stored messages up to offset {reached}, and the server has none of them: it is another one, "
            "or its database was lost; correct the setting store, or restore the database and the data directory from "
            "backups of the same time. To begin with an empty store, move that directory away, too: what the log still "
            "has is stored again"
        )
    if found < known.newest:
        return (
            f"{has}: rows of its newest sessions were deleted, or its database is an older backup, and the messages "
            "between are missing; then restore a data directory of the same time"
        )
    return ""
