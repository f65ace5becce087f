"""An embedded store that is being made: until its first migration has come to its end it holds a mark.

Statements of a migration cannot all be run twice. A store whose making was ended has had no message, so that it is
removed and made anew.
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


def made_by(scripts: Iterable[str]) -> set[str]:
    """The tables, views and dictionaries that are there after these scripts of the schema, in this order."""
    names: set[str] = set()
    for script in scripts:
        for match in _STATEMENT.finditer(script):
            (names.add if match[1] == "CREATE" else names.discard)(match[2])
    return names


def begin(directory: Path) -> None:
    """Make the directory of a store, with the mark; one that is there already stays as it is."""
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        return
    (directory / _MARK).touch()


def half_made(directory: Path) -> bool:
    """Whether a store's making was begun and did not come to its end."""
    return (directory / _MARK).exists()


def remove_half_made(directory: Path) -> None:
    """Remove a closed store whose making did not come to its end; the mark goes last."""
    if not half_made(directory):
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
    """Take the mark away, once everything that was made is on the disk. Raises OSError."""
    from trackway.store.checkpoint import sync

    if half_made(directory):
        sync(directory)
        (directory / _MARK).unlink()
