"""What happens before the store is opened: its files go back to the newest checkpoint, or the start is refused.

Whatever is refused names the command that mends it (`operate/repair.py`).
"""

from __future__ import annotations

from pathlib import Path

from trackway.log import LocalLog
from trackway.store import checkpoint
from trackway.store.checkpoint import BadCheckpoint, Checkpoint
from trackway.store.connection import Store


def open_log(
    directory: Path, embedded: Path | None, segment_bytes: int = 64 * 1024 * 1024
) -> tuple[LocalLog, Checkpoint | None]:
    """Open the log of a data directory, whose lock keeps other processes out, and bring its store to the checkpoint.

    Args:
        directory: the data directory.
        embedded: the directory of an embedded store, which is not open; None for a server.

    Raises:
        LogInUse, LogDamaged: the log cannot be opened.
        BadCheckpoint: the checkpoint is damaged, or the store lacks parts that it lists.
    """
    known = checkpoint.read(directory / "loader")
    log = LocalLog(directory / "log", segment_bytes, least=known.offset if known else 0)
    try:
        return log, recover(directory / "loader", embedded)
    except BaseException:
        log.close()
        raise


def recover(directory: Path, embedded: Path | None) -> Checkpoint | None:
    """Bring an embedded store to the newest checkpoint; return it, or None when there never was one.

    Args:
        directory: the loader's.
        embedded: the directory of an embedded store; None for a server.

    Raises:
        BadCheckpoint: the checkpoint is damaged, or the store lacks parts that it lists.
    """
    known = checkpoint.read(directory)
    if embedded is None or known is None:
        return known
    missing = checkpoint.restore(embedded, known)
    if missing:
        rows, tables = sum(one.rows for one in missing), sorted({one.table for one in missing})
        raise BadCheckpoint(
            f"the store in {embedded} lacks {len(missing)} parts with {rows} rows of {', '.join(tables)} that were "
            "there; restore the data directory from a backup, or make the store anew from the log: `trackway rebuild`"
        )
    return known


def refuse_unknown(known: Checkpoint | None, loader: Path, store: Store, log: LocalLog) -> None:
    """Refuse to load into a store of which nobody knows what it holds.

    Args:
        known: the checkpoint.
        loader: the loader's directory.
        store: migrated.

    Raises:
        BadCheckpoint: there are events and no checkpoint, or the checkpoint is another log's.
    """
    events = 0 if known else store.ask("SELECT count() AS n FROM events")["n"][0].as_py()
    if events:
        raise BadCheckpoint(
            f"the store holds {events} events, but {loader} does not say up to which offset of the log: "
            "`trackway doctor --repair checkpoint` finds out"
        )
    if known is not None and known.log != log.id and log.start < known.offset:
        raise BadCheckpoint(
            "the log is not the one that the store was loaded from; put back the right one, or "
            "`trackway doctor --repair checkpoint` loads what the store lacks"
        )
