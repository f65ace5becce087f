"""The files of a local log for those who read them: the loader, in this process or in a process of its own.

A segment is named after its first offset. A corrupt frame with sound frames after it is reported as a `Gap` and
skipped.
"""

from __future__ import annotations

import itertools
import logging
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from trackway.event import new_id
from trackway.log import frame
from trackway.log.frame import Frame
from trackway.log.protocol import Gap, Mark, Positions, Span
from trackway.log.shared_end import SharedEnd
from trackway.private import sync_directory

logger = logging.getLogger("trackway.log")


class Segments:
    """The segments in `directory`, up to the end that the process which appends to them shares."""

    def __init__(self, directory: Path, shared_end: SharedEnd) -> None:
        self.directory, self.shared_end = directory, shared_end
        self._cursor: tuple[int, Path, int] | None = None
        self.id = identity(directory)
        """A random id that tells this log from every other."""
        self.trouble = ""
        """Empty: a full disk shows when something is written."""
        self.kept_from = 0
        """The oldest offset that the log did not remove itself; segments between it and `start` are missing."""

    @property
    def end(self) -> int:
        """The offset that the next message gets; everything below it is on disk."""
        return self.shared_end.offset

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

    def go_to(self, number: int, positions: Positions) -> None:
        """Do nothing: the reader gives the place each time."""

    def idle(self) -> None:
        """Do nothing: files need no attention."""

    def settle(self, number: int, note: str = "") -> None:
        """Do nothing: segments that are stored are removed by age."""

    def follow(self, spans: list[Span]) -> None:
        """Do nothing: offsets stay as they are."""

    def segments(self) -> list[Path]:
        """Return the segment files, oldest first."""
        return sorted(self.directory.glob("*.log"))

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
        yield from scan(path, data, position, start)

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


def scan(path: Path, data: bytes, base: int, expected: int) -> Iterator[tuple[Frame | Gap, int]]:
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
