"""The log in local files: segments of frames, appended to by one process and read by the loader.

A segment is named after its first offset. A frame that a crash left incomplete is cut off when the log is opened. A
corrupt frame with sound frames after it is reported as a `Gap` and skipped. See docs/decisions/0001-log-format.md.
"""

from __future__ import annotations

import fcntl
import logging
import os
from pathlib import Path
from typing import TextIO

from trackway.event import now
from trackway.log import frame
from trackway.log.commit import Committer
from trackway.log.protocol import DirectoryUnusable, LogUnavailable, Positions
from trackway.log.segments import Segments, scan
from trackway.log.shared_end import SharedEnd
from trackway.private import sync_directory

logger = logging.getLogger("trackway.log")


class LogInUse(DirectoryUnusable):
    """Another process has this log open."""


class LogDamaged(DirectoryUnusable):
    """The log's files do not match their names; the text names the file and the remedy."""


def locked(directory: Path) -> TextIO:
    """Lock the log in `directory` and everything that belongs to it; closing the lock releases it. Raises LogInUse."""
    directory.mkdir(parents=True, exist_ok=True)
    lock = (directory / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise LogInUse(f"the log in {directory} is open in another process; stop that one first") from error
    return lock


class LocalLog(Segments):
    """An append-only log in `directory`.

    Args:
        segment_bytes: the size at which a new segment is begun.

    Raises:
        LogInUse: another process has it open.
        LogDamaged: segments were renamed or swapped.
    """

    def __init__(self, directory: Path, segment_bytes: int = 64 * 1024 * 1024) -> None:
        self._lock = locked(directory)
        super().__init__(directory, SharedEnd())
        self.segment_bytes = segment_bytes
        self._file: int | None = None
        self._size = 0
        self.cut = 0
        """The number of bytes cut from the end of the last segment when it was opened: an incomplete write."""
        try:
            self._check_names()
            self._open_tail()
            self.kept_from = self._known_start()
        except BaseException:
            self.shared_end.close()
            self._lock.close()
            raise

    def committer(self) -> Committer:
        """Return the committer for the running event loop."""
        return Committer(self)

    def go_to(self, number: int, positions: Positions) -> None:  # noqa: ARG002
        """Go on at a checkpoint, which may be ahead of a damaged or lost log."""
        self.skip_to(number)

    def skip_to(self, least: int) -> None:
        """Give the next message at least the offset `least`.

        Offsets of messages that were stored from a damaged or lost log are then never used again.
        """
        if self.end < least:
            self.shared_end.offset = least
            self._roll(least)

    def _check_names(self) -> None:
        for segment in self.segments():
            with segment.open("rb") as file:
                first = frame.first_of(file.read(frame.HEAD.size))
            if first is not None and first != int(segment.stem):
                raise LogDamaged(
                    f"{segment} begins with offset {first}, which is not its name: segments were renamed or swapped; "
                    "run `trackway doctor --repair log`, which restores their names"
                )

    def _open_tail(self) -> None:
        segments = self.segments()
        if not segments:
            return
        tail = segments[-1]
        data = tail.read_bytes()
        self.shared_end.offset, good = int(tail.stem), 0
        for item, position in scan(tail, data, 0, self.end):
            self.shared_end.offset, good = item.last, position
        if good < len(data):
            self.cut = len(data) - good
            logger.warning("cut %d torn bytes from the end of %s", self.cut, tail)
            _keep_cut(tail, data[good:])
            os.truncate(tail, good)
        self._file = os.open(tail, os.O_WRONLY | os.O_APPEND)
        self._size = good

    def write(self, records: list[bytes], count: int) -> int:
        """Append one frame of `records` holding `count` messages and sync it; return its first offset.

        Raises:
            LogUnavailable: the disk is full or failing. The log is as it was before.
        """
        first = self.end
        data = frame.encode(first, count, records)
        try:
            if self._file is None or self._size >= self.segment_bytes:
                self._roll(first)
            assert self._file is not None
            _write_all(self._file, data)
            os.fdatasync(self._file)
        except OSError as error:
            self._undo()
            raise LogUnavailable(f"the log in {self.directory} cannot be written: {error.strerror}") from error
        self._size += len(data)
        self.shared_end.offset = first + count
        return first

    def _roll(self, first: int) -> None:
        path = self.directory / f"{first:020d}.log"
        fresh = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        sync_directory(self.directory)
        if self._file is not None:
            os.close(self._file)
        self._file, self._size = fresh, 0

    def _undo(self) -> None:
        """Remove what a failed write left; if that fails too, have the segment reopened at the next write."""
        try:
            if self._file is not None:
                os.ftruncate(self._file, self._size)
        except OSError:
            logger.exception("a failed write could not be undone; the next write reopens the segment")
            if self._file is not None:
                os.close(self._file)
            self._file, self._size = None, self.segment_bytes

    def close(self) -> None:
        """Release the files; everything acknowledged is already synced."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self.shared_end.close()
        self._lock.close()


def _keep_cut(tail: Path, data: bytes) -> None:
    """Keep the cut bytes beside the segment when they may have been acknowledged: a whole frame whose bytes changed."""
    if frame.is_whole(data) and frame.decode(data, 0) is None:
        path = tail.with_name(f"{tail.stem}-{now()}.cut")
        path.write_bytes(data)
        logger.error("the last frame of %s was damaged after it was written; it is kept in %s", tail, path)


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
