"""The seam between the collector and the loader: what every log can do.

A log numbers its messages in the order in which the loader reads them. For the local log, a number is also a place in
its files. Kafka has a place in each partition, so its log also says which places belong to a number.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from trackway.event import Arrival

if TYPE_CHECKING:
    from trackway.log.commit import Committer

Positions = dict[int, tuple[int, int]]
"""By partition: the offset of the next record, and how many messages of that record are already taken."""
Mark = int | dict[int, int]
"""The end of a log at one moment: a number, or the end of each partition."""


class Gap(NamedTuple):
    """Offsets [first, last) that cannot be read, with the file and the position in it."""

    first: int
    last: int
    file: Path
    position: int


class Read(Protocol):
    """Messages [first, last) of a log."""

    @property
    def first(self) -> int: ...

    @property
    def last(self) -> int: ...

    def arrivals(self) -> Iterator[Arrival]:
        """Yield the requests, in the order of arrival."""
        ...


class Span(msgspec.Struct, array_like=True):
    """Consecutive records of one partition, and the numbers that their messages have.

    Attributes:
        first: the number of the first message.
        partition: the partition.
        offset: the offset of the first record.
        until: the offset after the last record.
        counts: the number of messages in each record; one sum when the records are lost.
    """

    first: int
    partition: int
    offset: int
    until: int
    counts: list[int]

    @property
    def last(self) -> int:
        """The number after the last message."""
        return self.first + sum(self.counts)

    @property
    def lost(self) -> bool:
        """Whether the records were not there when they should have been read."""
        return self.until - self.offset != len(self.counts)


class LogUnavailable(Exception):
    """The log could not take a write and kept nothing of it. Trying again later may succeed.

    Args:
        refused: the indexes of the records that it did not take; None for all of them.
    """

    def __init__(self, text: str, refused: frozenset[int] | None = None) -> None:
        super().__init__(text)
        self.refused = refused


class DirectoryUnusable(Exception):
    """A data directory cannot be opened as it is; the text gives the reason and the remedy."""


class Writable(Protocol):
    """The part of a log that the collector needs."""

    def write(self, records: list[bytes], count: int) -> int:
        """Append durably; return the first offset. Raises LogUnavailable."""
        ...


class Readable(Protocol):
    """The part of a log that the loader needs."""

    directory: Path
    id: str

    @property
    def trouble(self) -> str:
        """The reason why nothing can be read or written at the moment, or empty."""
        ...

    @property
    def start(self) -> int:
        """The oldest number that can be read."""
        ...

    @property
    def end(self) -> int:
        """The number after the newest message, as far as it is known without asking; unread records count as one."""
        ...

    def mark(self) -> Mark:
        """Return the end as of now; everything that was acknowledged before is below it."""
        ...

    def holds(self, mark: Mark, stored: int) -> bool:
        """Whether everything below `mark` is below the number `stored`."""
        ...

    def read(self, offset: int, most: int) -> Iterator[Read | Gap]:
        """Yield messages and gaps from `offset` on, until about `most` messages or the end as of now."""
        ...

    def positions(self, number: int) -> Positions:
        """Return the places that the loader reads next when it has everything below `number`."""
        ...

    def spans(self, first: int, last: int) -> list[Span]:
        """Return the records that contain the messages [first, last)."""
        ...

    def token(self, first: int, last: int) -> str:
        """Return the deduplication token of a batch: the same messages give the same token."""
        ...

    def go_to(self, number: int, positions: Positions) -> None:
        """Go on reading at a checkpoint."""
        ...

    def follow(self, spans: list[Span]) -> None:
        """Give messages the numbers that they had before the process ended."""
        ...

    def idle(self) -> None:
        """Do what a reader has to do now and then while there is nothing to read."""
        ...

    def settle(self, number: int, note: str = "") -> None:
        """Take note that the loader never goes back below `number`."""
        ...

    def remove_stored(self, stored: int, keep_hours: float, archive: Path | None = None) -> list[Path]:
        """Delete files whose messages are stored and old enough; return them."""
        ...


class Log(Writable, Readable, Protocol):
    """A log: written by collectors, read by one loader."""

    def committer(self) -> Committer:
        """Return the committer for the running event loop: through it, requests share writes."""
        ...

    def close(self) -> None:
        """Release files and connections."""
        ...
