"""Private files of a data directory: only the server's own user may read them (0600, directories 0700)."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PART = ".part"
"""The suffix of a file's name while the file is incomplete."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_FOLDERS = ("log", "loader", "store", "moving", "transfers", "exports")
_FILES = ("accounts.db*", "views.db*", "secret.key*", "pseudonym.*", "store.curl")


class KeyUnusable(Exception):
    """A key of the installation is invalid or cannot be read; the text names the file and the remedy."""


def accessible_to_others(directory: Path) -> Iterator[Path]:
    """Yield the paths that users other than the owner can access: a data directory and Trackway's own files in it."""
    if not directory.is_dir():
        return
    tops = [directory, *(path for name in (*_FOLDERS, *_FILES) for path in directory.glob(name))]
    for top in tops:
        if _is_accessible_to_others(top):
            yield top
        if top != directory and top.is_dir() and not top.is_symlink():
            for folder, folders, files in os.walk(top):
                yield from (path for name in (*folders, *files) if _is_accessible_to_others(path := Path(folder, name)))


def _is_accessible_to_others(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except OSError:  # a running server removed it
        return False
    return bool(mode & _OTHERS) and not stat.S_ISLNK(mode)


def restrict_new_files() -> None:
    """Make the files that this process creates from now on accessible to its own user only."""
    os.umask(_OTHERS)


def close_to_others(directory: Path) -> int:
    """Make a data directory and the open files in it private; return the number of paths that others could access.

    A directory without files of Trackway is not counted: it held nothing to read.

    Raises:
        OSError: the directory belongs to another user, or cannot be created.
    """
    restrict_new_files()
    directory.mkdir(parents=True, exist_ok=True)
    open_to_others = list(accessible_to_others(directory))
    for path in open_to_others:
        path.chmod(stat.S_IMODE(path.lstat().st_mode) & ~_OTHERS)
    fresh = {directory} if not any(_is_ours(path) for path in directory.iterdir()) else set()
    return len(set(open_to_others) - fresh)


def _is_ours(path: Path) -> bool:
    """Whether a file is one that Trackway keeps in a data directory."""
    return path.name in _FOLDERS or any(path.match(name) for name in _FILES)


def read_or_create(path: Path, make: Callable[[], bytes]) -> bytes:
    """Return the content of a key's file, created at first use; after a power cut it is whole or absent.

    Raises:
        KeyUnusable: it cannot be read or written.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, make())
        return path.read_bytes()
    except OSError as error:
        raise KeyUnusable(
            f"{path} cannot be read or created ({error.strerror}); make it readable for this user"
        ) from error


@contextmanager
def durably(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that appears at `path` only once it is whole and on the disk.

    Raises:
        OSError: it cannot be written.
    """
    part = path.with_name(path.name + PART)
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_directory(path.parent)
    finally:
        part.unlink(missing_ok=True)


def write(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, atomically and to the disk. Raises OSError."""
    fresh = path.with_suffix(".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Write the entries of a directory to the disk, so that a new or renamed file survives a power cut."""
    folder = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
