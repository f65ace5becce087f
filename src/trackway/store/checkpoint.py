"""Checkpoints: states of the local store that survive a power cut, and the way back to the newest of them.

The engine writes parts, renames them and merges them without syncing. A checkpoint syncs the file system and then
lists, for each table, the parts that held its rows at that moment, together with the log offset below which every
message is stored. `restore` removes everything beyond that list from the engine's files, before the engine is opened,
so that the store has exactly the state of the checkpoint and the loader continues from its offset. Merged parts stay on
disk for a while (`KEEP_MERGED_S` of store/engine_config.py), so that a merge after the checkpoint can be undone too.
See docs/decisions/0012-checkpoints.md.
"""

from __future__ import annotations

import ctypes
import logging
import os
import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import google_crc32c
import msgspec

from trackway import private
from trackway.event import UNREADABLE
from trackway.log import DirectoryUnusable
from trackway.log.protocol import Positions
from trackway.statements import Statements
from trackway.store.connection import Store
from trackway.store.engine import OWN_DIRECTORY

logger = logging.getLogger("trackway.store.checkpoint")
_sql = Statements(__name__)

_PART = re.compile(r"^([^_]+)_(\d+)_(\d+)_(\d+)(?:_(\d+))?$")
_MUTATION = re.compile(r"^mutation_(\d+)\.txt$")
_NOT_KEPT = ("user_persons", "lists")
"""Tables that are empty at a checkpoint: they are written again when they are needed."""


class Table(msgspec.Struct, array_like=True):
    """A table at a checkpoint.

    Attributes:
        path: its directory, relative to the store's.
        parts: its active parts and the number of rows in each.
        mutation: the number of its newest mutation, 0 for none.
        expires: whether rows expire by age, so that parts may disappear at any time.
    """

    path: str
    parts: dict[str, int]
    mutation: int
    expires: bool


class Checkpoint(msgspec.Struct, kw_only=True):
    """A state of the store.

    Attributes:
        offset: every message of the log below it is stored, or is a dead letter.
        log: the id of the log that the offset belongs to.
        tables: the engine's tables by name; empty when the store is a server, which manages its own files.
        positions: the places in the partitions of a log in Kafka that belong to the offset.
        ids: the files of message ids, with their number of valid bytes and the CRC-32C of these.
        newest: the highest version of a session that is on the server; 0 when it is not known.
    """

    offset: int
    log: str
    tables: dict[str, Table]
    ids: dict[str, tuple[int, int]]
    positions: Positions = {}
    newest: int = 0


class BadCheckpoint(DirectoryUnusable):
    """The checkpoint cannot be read, or the store does not match it; the text names the fault and the repair."""


class Missing(NamedTuple):
    """A part that the checkpoint lists and the store lacks."""

    table: str
    part: str
    rows: int


def read(directory: Path) -> Checkpoint | None:
    """Return the newest checkpoint in `directory` that can be read; None when there never was one.

    Raises:
        BadCheckpoint: it is damaged, and so is the one before it.
    """
    try:
        return _read(directory / "checkpoint")
    except BadCheckpoint as error:
        known = previous(directory)
        if known is None:
            raise
        logger.warning("%s; using the checkpoint before it", error)
        return known


def previous(directory: Path) -> Checkpoint | None:
    """Return the checkpoint before the newest, which lies beside `directory`; None when none can be read."""
    try:
        return _read(_place_of_previous(directory))
    except BadCheckpoint:
        return None


def readable(directory: Path) -> list[Checkpoint]:
    """Return the checkpoints in and beside `directory` that can be read, the newest first."""
    try:
        newest = _read(directory / "checkpoint")
    except BadCheckpoint:
        newest = None
    return [known for known in (newest, previous(directory)) if known is not None]


def is_damaged(directory: Path) -> bool:
    """Whether the newest checkpoint cannot be read."""
    try:
        _read(directory / "checkpoint")
    except BadCheckpoint:
        return True
    return False


def _place_of_previous(directory: Path) -> Path:
    return directory.parent / "checkpoint.before"


def _read(path: Path) -> Checkpoint | None:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    checksum, _, content = data.partition(b"\n")
    repair = "run `trackway doctor --repair checkpoint`"
    if checksum != b"%08x" % google_crc32c.value(content):
        raise BadCheckpoint(f"{path} is damaged; {repair}")
    try:
        return msgspec.json.decode(content, type=Checkpoint)
    except msgspec.ValidationError as error:
        raise BadCheckpoint(f"{path} is of another version ({error}); start the version that wrote it") from error
    except UNREADABLE as error:
        raise BadCheckpoint(f"{path} is damaged although its checksum is right ({error}); {repair}") from error


def write(directory: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint in `directory`, durably: after a power cut, either the previous one or this one is there.

    The previous one stays beside `directory`, as a reserve for a damaged file or a lost directory.
    """
    content = msgspec.json.encode(checkpoint)
    if (directory / "checkpoint").exists():
        link = directory.parent / "checkpoint.tmp"
        link.unlink(missing_ok=True)
        link.hardlink_to(directory / "checkpoint")
        link.replace(_place_of_previous(directory))
    private.write(directory / "checkpoint", b"%08x\n" % google_crc32c.value(content) + content)


def copy_to_reserve(directory: Path) -> None:
    """Copy the checkpoint over the one before it, whose parts the engine removes once they are merged.

    It is a copy of its own and no link, so that damage to one file leaves the other readable.
    """
    newest, place = directory / "checkpoint", _place_of_previous(directory)
    content = newest.read_bytes()
    if not place.exists() or place.read_bytes() != content:
        private.write(place, content)


def tables(store: Store, directory: Path) -> dict[str, Table]:
    """Return the engine's tables and their active parts. Nothing else may write to the store meanwhile.

    Args:
        directory: the local store's directory.
    """
    by_name = {name: Table(path, {}, 0, expires) for name, path, expires in _definitions(store, directory)}
    for row in store.ask(_sql("parts")).to_pylist():
        if row["table"] in by_name and row["table"] not in _NOT_KEPT:
            by_name[row["table"]].parts[row["name"]] = row["rows"]
    for table in by_name.values():
        table.mutation = max((number for number, _ in _mutations(directory / table.path)), default=0)
    return by_name


_defined: dict[Path, tuple[int, list[tuple[str, str, bool]]]] = {}


def _definitions(store: Store, directory: Path) -> list[tuple[str, str, bool]]:
    """Return name, path and whether rows expire of each table.

    The engine takes longer to list its tables than to list their parts, so the list is cached until the directory of
    their definitions changes: the engine writes each definition to a new file there and renames it.
    """
    changed = (directory / "metadata" / "default").stat().st_mtime_ns
    known, tables = _defined.get(directory, (0, []))
    if known != changed:
        rows = store.ask(_sql("tables")).to_pylist()
        tables = [(row["name"], _relative(row["path"], directory), bool(row["expires"])) for row in rows]
        _defined.clear()
        _defined[directory] = (changed, tables)
    return tables


def _relative(path: str, directory: Path) -> str:
    """Return a path of the engine's, which is relative to the engine's own directory, relative to the store's."""
    return str((directory / OWN_DIRECTORY / path).resolve().relative_to(directory.resolve()))


def sync(directory: Path) -> None:
    """Wait until everything that was written to the file system of `directory` is on its disk.

    Raises:
        OSError: the disk failed.
    """
    if sys.platform != "linux":
        os.sync()
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(handle) != 0:
            raise OSError(ctypes.get_errno(), f"the file system of {directory} cannot be synced")
    finally:
        os.close(handle)


def missing_parts(directory: Path, checkpoint: Checkpoint) -> list[Missing]:
    """Return the parts of a checkpoint that the files of a closed local store lack, without changing anything.

    Args:
        directory: the store's directory.
    """
    missing: list[Missing] = []
    for name, table in checkpoint.tables.items():
        path = directory / table.path
        if (path / "format_version.txt").exists():
            missing += [Missing(name, part, table.parts[part]) for part in _chosen(path, table)[1]]
        elif not table.expires:
            missing += [Missing(name, part, rows) for part, rows in table.parts.items() if rows]
    return missing


def restore(directory: Path, checkpoint: Checkpoint) -> list[Missing]:
    """Bring the files of a closed local store to the state of a checkpoint; return the parts that it lacks.

    Tables that are not in the checkpoint are emptied: the migration that created them runs again.

    Args:
        directory: the store's directory.
    """
    missing = missing_parts(directory, checkpoint)
    known = {table.path: table for table in checkpoint.tables.values()}
    aside: list[Path] = []
    for marker in sorted(directory.glob("store/*/*/format_version.txt")):
        place = str(marker.parent.relative_to(directory))
        _restore_table(marker.parent, known.get(place, Table(place, {}, 0, False)))
        aside += (marker.parent / "detached").glob("broken*")
    if not missing:
        for path in aside:  # they hold nothing that the checkpoint lists
            shutil.rmtree(path, ignore_errors=True)
    return missing


def undefined_tables(directory: Path, checkpoint: Checkpoint) -> list[str]:
    """Return the checkpoint's tables that a closed local store does not define; the engine would create new ones."""
    absent = []
    for name, table in sorted(checkpoint.tables.items()):
        try:
            definition = (directory / "metadata" / "default" / f"{name}.sql").read_bytes()
        except OSError:
            definition = b""
        if Path(table.path).name.encode() not in definition:
            absent.append(name)
    return absent


def inactive_parts(checkpoint: Checkpoint, tables: dict[str, Table]) -> list[Missing]:
    """Return the parts of a checkpoint that are not active in an opened store, neither themselves nor in a merged part.

    Args:
        tables: the result of `tables` for the store.
    """
    missing = []
    for name, table in checkpoint.tables.items():
        active = [part for other in (tables[name].parts if name in tables else ()) if (part := _range(other))]
        for listed, rows in table.parts.items():
            part = _range(listed)
            if part and rows and not table.expires and not any(other.covers(part) for other in active):
                missing.append(Missing(name, listed, rows))
    return missing


class _Range(NamedTuple):
    partition: str
    first: int
    last: int
    level: int
    mutation: int

    def covers(self, other: _Range) -> bool:
        return self.partition == other.partition and self.first <= other.first and self.last >= other.last


def _on_disk(path: Path) -> dict[str, _Range]:
    return {entry.name: part for entry in path.iterdir() if (part := _range(entry.name)) and entry.is_dir()}


def _chosen(path: Path, table: Table) -> tuple[set[str], list[str]]:
    """Return the parts on disk that hold a table's rows, and the listed parts that are missing.

    The parts on disk are those listed, or parts that cover them and are older than the checkpoint.
    """
    on_disk = _on_disk(path)
    listed = {name: part for name in table.parts if (part := _range(name))}
    newest = max((part.last for part in listed.values()), default=0)
    keep = {name for name in listed if name in on_disk}
    missing: list[str] = []
    for name in sorted(listed.keys() - keep):
        covering = [
            (part.level, part.mutation, other)
            for other, part in on_disk.items()
            if part.covers(listed[name]) and part.last <= newest and part.mutation <= max(table.mutation, newest)
        ]
        if covering:
            keep.add(max(covering)[2])
        elif table.parts[name] and not table.expires:  # the engine removes empty parts at any time
            missing.append(name)
    return keep, missing


def _restore_table(path: Path, table: Table) -> None:
    """Remove everything beyond the checkpoint from a table's files."""
    removed = _on_disk(path).keys() - _chosen(path, table)[0]
    for name in removed:
        shutil.rmtree(path / name)
    for number, file in _mutations(path):
        if number > table.mutation:
            file.unlink()
    # These logs list inserted blocks; the engine must accept the blocks that are undone here again.
    shutil.rmtree(path / "deduplication_logs", ignore_errors=True)
    if removed:
        logger.debug("removed %d parts of %s", len(removed), path)


def _range(name: str) -> _Range | None:
    match = _PART.match(name)
    if match is None or name.startswith(("tmp_", "delete_tmp_")):
        return None
    return _Range(match[1], int(match[2]), int(match[3]), int(match[4]), int(match[5] or 0))


def _mutations(path: Path) -> list[tuple[int, Path]]:
    return [(int(match[1]), file) for file in path.glob("mutation_*.txt") if (match := _MUTATION.match(file.name))]
