"""The mark of a local store that is still being created; it is removed at the end of the first migration.

Some statements of a migration cannot be run twice. A store whose creation was interrupted has received no message, so
it is removed and created again.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

_MARK = "unfinished"
_STATEMENT = re.compile(
    r"^(CREATE|DROP) (?:MATERIALIZED VIEW|VIEW|TABLE|DICTIONARY) (?:IF (?:NOT )?EXISTS )?(\w+)", re.MULTILINE
)


def created_by(scripts: Iterable[str]) -> set[str]:
    """Return the tables, views and dictionaries that exist after these schema scripts have run in this order."""
    names: set[str] = set()
    for script in scripts:
        for match in _STATEMENT.finditer(script):
            (names.add if match[1] == "CREATE" else names.discard)(match[2])
    return names


def begin(directory: Path) -> None:
    """Create the directory of a store, with the mark; a directory that has files already stays as it is."""
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        return
    (directory / _MARK).touch()


def half_created(directory: Path) -> bool:
    """Whether the creation of a store was begun and not finished."""
    return (directory / _MARK).exists()


def remove_half_created(directory: Path) -> None:
    """Remove a closed store whose creation was not finished; the mark is removed last."""
    if not half_created(directory):
        return
    for entry in directory.iterdir():
        if entry.name == _MARK:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    (directory / _MARK).unlink()
    directory.rmdir()


def finished(directory: Path) -> None:
    """Remove the mark, once everything that was created is on the disk. Raises OSError."""
    from trackway.store.checkpoint import sync

    if half_created(directory):
        sync(directory)
        (directory / _MARK).unlink()
