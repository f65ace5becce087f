"""The end of a local log in memory that the process which appends shares with the one that loads."""

from __future__ import annotations

import mmap
import os
import tempfile

_BYTES = mmap.PAGESIZE


class SharedEnd:
    """One number. Only the process that appends sets it, after the messages below it are on disk.

    Args:
        file: the file descriptor of another process's; None makes a new one.
    """

    def __init__(self, file: int | None = None) -> None:
        self.file = _in_memory() if file is None else file
        # A number in the machine's own format is read and written at once, never in part.
        self._numbers = memoryview(mmap.mmap(self.file, _BYTES)).cast("q")

    @property
    def offset(self) -> int:
        """The offset that the next message gets."""
        return self._numbers[0]

    @offset.setter
    def offset(self, number: int) -> None:
        self._numbers[0] = number

    def close(self) -> None:
        """Close the file; the number stays readable."""
        if self.file >= 0:
            os.close(self.file)
        self.file = -1


def _in_memory() -> int:
    """Return the descriptor of a file without a name; in memory where the system has such files."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("trackway-log-end")
    else:
        with tempfile.TemporaryFile() as made:
            file = os.dup(made.fileno())
    os.ftruncate(file, _BYTES)
    return file
