"""The log in local files: segments of frames, appended to by one process and read by the loader.

A segment is named after its first offset. A frame that a crash left incomplete is cut off when the log is opened. A
corrupt frame with sound frames after it is reported as a `Gap` and skipped. See docs/decisions/0001-log-format.md.
"""

from __future__ import annotations

import fcntl
import itertools
import logging
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO
from uuid import UUID

from trackway.event import new_id, now
from trackway.log import frame
from trackway.log.commit import Committer
from trackway.log.frame import Frame
from trackway.log.protocol import DirectoryUnusable, Gap, LogUnavailable, Mark, Positions, Span
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


class LocalLog:
    """An append-only log in `directory`.

    Args:
        segment_bytes: the size at which a new segment is begun.

    Raises:
        LogInUse: another process has it open.
        LogDamaged: segments were renamed or swapped.
    """

    def __init__(self, directory: Path, segment_bytes: int = 64 * 1024 * 1024) -> None:
        self.directory = directory
        self.segment_bytes = segment_bytes
        self._lock = locked(directory)
        self.end = 0
        """The offset that the next message gets; everything below it is on disk."""
        self._file: int | None = None
        self._size = 0
        self._cursor: tuple[int, Path, int] | None = None
        self.id = identity(directory)
        """A random id that tells this log from every other."""
        self.trouble = ""
        """Empty: a full disk shows when something is written."""
        self.cut = 0
        """The number of bytes cut from the end of the last segment when it was opened: an incomplete write."""
        try:
            self._check_names()
            self._open_tail()
            self.kept_from = self._known_start()
            """The oldest offset that the log did not remove itself; segments between it and `start` are missing."""
        except BaseException:
            self._lock.close()
            raise

    def committer(self) -> Committer:
        """Return the committer for the running event loop."""
        return Committer(self)

    def mark(self) -> Mark:
        """Return the end as of now."""
        return self.end

    def holds(self, mark: Mark, stored: int) -> bool:
        """Whether everything below `mark` is below the offset `stored`."""
        assert isinstance(mark, int)
        return stored >= mark

    def positions(self, number: int) -> Positions:  # noqa: ARG002 - offsets say everything here
        """Return no places: an offset is the place itself."""
        return {}

    def spans(self, first: int, last: int) -> list[Span]:  # noqa: ARG002
        """Return no records: offsets need no translation."""
        return []

    def token(self, first: int, last: int) -> str:
        """Return the deduplication token of a batch: its offsets."""
        return f"{first}-{last}"

    def go_to(self, number: int, positions: Positions) -> None:  # noqa: ARG002
        """Go on at a checkpoint, which may be ahead of a damaged or lost log."""
        self.skip_to(number)

    def follow(self, spans: list[Span]) -> None:
        """Do nothing: offsets stay as they are."""

    def idle(self) -> None:
        """Do nothing: files need no attention."""

    def settle(self, number: int, note: str = "") -> None:
        """Do nothing: segments that are stored are removed by age."""

    def skip_to(self, least: int) -> None:
        """Give the next message at least the offset `least`.

        Offsets of messages that were stored from a damaged or lost log are then never used again.
        """
        if self.end < least:
            self.end = least
            self._roll(least)

    def segments(self) -> list[Path]:
        """Return the segment files, oldest first."""
        return sorted(self.directory.glob("*.log"))

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
        self.end, good = int(tail.stem), 0
        for item, position in _scan(tail, data, 0, self.end):
            self.end, good = item.last, position
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
        self.end = first + count
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

    def read(self, offset: int, most: int) -> Iterator[Frame | Gap]:
        """Yield frames and gaps from `offset` on, until about `most` messages or the end of what is synced now.

        This may run beside `write` in another thread.
        """
        end = self.end  # frames that are written during this read are neither read nor reported as gaps
        while most > 0 and offset < end:
            path, position = self._locate(offset)
            for item, after in self._frames(path, position, offset):
                if item.first >= end:
                    return
                self._cursor = (item.last, path, after)
                if item.last <= offset:
                    continue
                yield item
                offset, most = item.last, most - (item.last - item.first)
                if most <= 0 or offset >= end:
                    return
            following = [segment for segment in self.segments() if int(segment.stem) > int(path.stem)]
            after_gap = min(int(following[0].stem), end) if following else end
            if after_gap > offset:
                yield Gap(offset, after_gap, path, position)
                offset = after_gap
            if following:
                self._cursor = (offset, following[0], 0)

    def _locate(self, offset: int) -> tuple[Path, int]:
        if self._cursor and self._cursor[0] == offset and self._cursor[1].exists():
            return self._cursor[1], self._cursor[2]
        segments = self.segments()
        before = [segment for segment in segments if int(segment.stem) <= offset]
        return (before[-1] if before else segments[0]), 0

    def _frames(self, path: Path, position: int, expected: int) -> Iterator[tuple[Frame | Gap, int]]:
        with path.open("rb") as file:
            file.seek(position)
            data = file.read()
        start = int(path.stem) if position == 0 else expected
        yield from _scan(path, data, position, start)

    def remove_stored(self, stored: int, keep_hours: float, archive: Path | None = None) -> list[Path]:
        """Delete segments whose messages are all below `stored` and that are older than `keep_hours`; return them.

        With `archive`, they are moved to that directory, which may be on another file system.
        """
        segments, removed = self.segments(), []
        for segment, following in itertools.pairwise(segments):
            if int(following.stem) > stored or segment.stat().st_mtime > time.time() - keep_hours * 3600:
                break
            if archive is not None:
                archive.mkdir(parents=True, exist_ok=True)
                copy = archive / f"{segment.name}.moving"
                shutil.copy2(segment, copy)
                with copy.open("rb") as file:
                    os.fsync(file.fileno())
                copy.rename(archive / segment.name)
                sync_directory(archive)
            self._keep_from(int(following.stem))
            segment.unlink()
            removed.append(segment)
        return removed

    def _known_start(self) -> int:
        try:
            return int((self.directory / "kept_from").read_text())
        except (FileNotFoundError, ValueError):
            self._keep_from(self.start)
            return self.start

    def _keep_from(self, offset: int) -> None:
        """Record, durably, that everything before `offset` was removed on purpose."""
        half = self.directory / "kept_from.tmp"
        with half.open("w") as file:
            file.write(f"{offset}\n")
            file.flush()
            os.fsync(file.fileno())
        half.rename(self.directory / "kept_from")
        sync_directory(self.directory)
        self.kept_from = offset

    @property
    def start(self) -> int:
        """The oldest offset that is still in the log."""
        segments = self.segments()
        return int(segments[0].stem) if segments else self.end

    def close(self) -> None:
        """Release the files; everything acknowledged is already synced."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._lock.close()


def _scan(path: Path, data: bytes, base: int, expected: int) -> Iterator[tuple[Frame | Gap, int]]:
    """Yield the frames and gaps of `data`, which starts at byte `base` of `path`, with the end of each in the file.

    Unsound bytes with no sound frame after them yield nothing: they are an incomplete write.
    """
    position = 0
    while position < len(data):
        decoded = frame.decode(data, position, expected)
        if decoded is None:
            next_frame = frame.find(data, position + 1, expected)
            if next_frame is None:
                return
            decoded = frame.decode(data, next_frame)
            assert decoded is not None
            logger.error(
                "%s is corrupt from byte %d to %d: offsets %d to %d are lost",
                path, base + position, base + next_frame, expected, decoded[0].first - 1,
            )  # fmt: skip
            yield Gap(expected, decoded[0].first, path, base + position), base + next_frame
        item, position = decoded
        expected = item.last
        yield item, base + position


def identity(directory: Path) -> str:
    """Return the random id of a log's directory, which is made on first use."""
    path = directory / "id"
    try:
        return str(UUID(path.read_text().strip()))
    except (FileNotFoundError, ValueError, UnicodeDecodeError):
        identity = str(new_id())
        temporary = path.with_suffix(".tmp")
        temporary.write_text(identity)
        temporary.rename(path)
        return identity


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
