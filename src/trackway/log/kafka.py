"""The log in a topic of Kafka: written by any number of collectors, read by one loader.

A record is a request as the local log has it, or its part that belongs to one partition: a visitor's messages are all
in one. `write` returns when all replicas in sync have the records. The loader numbers the messages of all partitions in
the order in which it reads them, and its checkpoint has the offsets that belong to a number. See
docs/decisions/0019-kafka-log.md.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from trackway import kafka_address
from trackway.event import UNREADABLE, Arrival, arrival_of
from trackway.log.commit import Committer
from trackway.log.kafka_commit import KafkaCommitter
from trackway.log.kafka_numbers import Numbers
from trackway.log.kafka_reader import Reader, Record
from trackway.log.kafka_router import LoaderOf, Router
from trackway.log.kafka_topic import START_S, Topic, TopicUnusable
from trackway.log.kafka_writer import Writer
from trackway.log.local import locked
from trackway.log.protocol import Gap, Mark, Positions, Span
from trackway.log.segments import identity

logger = logging.getLogger("trackway.log")
_MARK_S = 3.0


class Records(NamedTuple):
    """The messages [first, last) of some consecutive records."""

    first: int
    last: int
    requests: list[Arrival]

    def arrivals(self) -> Iterator[Arrival]:
        """Yield the requests, in the order of arrival."""
        return iter(self.requests)


class KafkaLog:
    """A log in the topic of one loader at `address`.

    Args:
        directory: the log's directory in the data directory, which it locks against other processes; None for a
            process that only writes.
        number: the loader's number.

    Raises:
        LogInUse: another process has the directory open.
        TopicUnusable: the topic cannot be reached or does not exist, or another loader reads it.
    """

    def __init__(self, address: str, directory: Path | None, number: int = 0) -> None:
        every = kafka_address.parse(address)
        self.directory = directory or Path(f"kafka/{every.topic}")
        self._lock = locked(directory) if directory is not None else None
        try:
            self.topic = Topic(every.of_loader(number))
            self.id = self.topic.id
            own = identity(directory) if directory is not None else ""
            others = self.topic.other_loaders(own) if directory is not None else []
            if others:
                role = "the role collector" if every.loaders == 1 else "the number of a loader that no other has"
                raise TopicUnusable(
                    f"another loader (on {', '.join(sorted(set(others)))}) reads the topic {self.topic.name!r}, "
                    "and one loads at a time; stop that one, and wait 10 s if it was killed, or give this process "
                    f"{role}"
                )
            starts = self.topic.starts(START_S) if directory is not None else {}
            self._numbers = Numbers(0, {partition: (offset, 0) for partition, offset in starts.items()})
            self._ends = self.topic.ends(START_S) if directory is not None else {}
            if directory is not None:
                self._warn()
        except BaseException:
            if self._lock is not None:
                self._lock.close()
            raise
        self._numbering = threading.Lock()
        self._writer: Writer | Router = Writer(self.topic, self._wrote)
        self._reader = Reader(self.topic, own, self._next_of)
        self._away = ""
        self._jumped: tuple[int, int] | None = None

    def divide(self, address: str, loader_of: LoaderOf) -> None:
        """Write the messages of each project to the topic of its loader from now on; this log is that of loader 0.

        Raises:
            TopicUnusable: the topic of a loader cannot be reached or does not exist.
        """
        assert isinstance(self._writer, Writer)
        every = kafka_address.parse(address)
        others = [Topic(every.of_loader(number)) for number in range(1, every.loaders)]
        self._writer = Router([self._writer, *(Writer(topic, lambda *_: None) for topic in others)], loader_of)

    def _warn(self) -> None:
        with suppress(TopicUnusable):  # the user may have no right to see the topic's settings
            for danger in self.topic.dangers():
                logger.info("the topic %r endangers messages: %s", self.topic.name, danger)

    @property
    def trouble(self) -> str:
        """The reason why nothing can be read or written at the moment, or empty."""
        return self._reader.trouble or self._writer.trouble or self._away

    def write(self, records: list[bytes], count: int) -> int:  # noqa: ARG002 - records have their own counts here
        """Write requests, divided by partition; return when all replicas in sync have them. The number is 0: messages
        get theirs when they are read.

        Raises:
            LogUnavailable: brokers cannot be reached or refuse; `refused` says which requests are not acknowledged.
        """
        self._writer.write(records)
        return 0

    def committer(self) -> Committer:
        """Return the committer for the running event loop."""
        return KafkaCommitter(self._writer)

    def _next_of(self, partition: int) -> int:
        return self._numbers.next_of(partition)

    def _wrote(self, partition: int, offset: int) -> None:
        self._ends[partition] = max(self._ends.get(partition, 0), offset + 1)

    @property
    def start(self) -> int:
        """The oldest number that can be read."""
        return self._numbers.start

    @property
    def end(self) -> int:
        """The number after the newest message that is known; each record that is not read yet counts as one."""
        for partition, offset in self._reader.ends().items():
            self._wrote(partition, offset - 1)
        with self._numbering:
            return self._numbers.end + self._unread()

    @property
    def lag(self) -> int:
        """The number of records that are not read yet."""
        with self._numbering:
            return self._unread()

    def _unread(self) -> int:
        return sum(max(0, end - self._numbers.next_of(partition)) for partition, end in list(self._ends.items()))

    def mark(self) -> Mark:
        """Return the end of each partition, as the brokers say it now; while they are away, as it was known."""
        try:
            ends = self.topic.ends(_MARK_S)
            self._away = ""
        except TopicUnusable as error:
            self._away = str(error)
            return dict(self._ends)
        for partition, end in ends.items():
            self._wrote(partition, end - 1)
        return ends

    def holds(self, mark: Mark, stored: int) -> bool:
        """Whether everything below the ends of `mark` is below the number `stored`."""
        assert isinstance(mark, dict)
        places = self.positions(stored)
        return all(places.get(partition, (0, 0))[0] >= end for partition, end in mark.items())

    def read(self, offset: int, most: int) -> Iterator[Records | Gap]:
        """Yield messages and gaps from the number `offset` on, until about `most` messages or the end as of now."""
        for span in self.spans(offset, self._numbers.end):
            yield self._again(span)
            offset, most = span.last, most - (span.last - max(span.first, offset))
            if most <= 0:
                return
        if self._numbers.first_to_read is not None:
            inside = self._numbers.first_to_read
            item = self._taken(self._reader.again(inside, self._numbers.next_of(inside), 1))
            if not item:
                return
            self._reader.restart()
            yield from item
            most -= 1
        left = self._unread()
        while most > 0 and left > 0:
            records = self._reader.read(min(most, left))
            if not records:
                return
            left -= len(records)
            for taken in self._taken(records):
                yield taken
                most -= taken.last - taken.first

    def _taken(self, records: list[Record]) -> list[Records | Gap]:
        """Number records as they were read: consecutive ones of a partition together."""
        found: list[Records | Gap] = []
        run: list[Arrival] = []
        begin = next_offset = 0
        current = -1

        def end_run() -> None:
            if run:
                span = self._number(current, begin, next_offset, list(map(_size, run)))
                found.append(Records(span.first, span.last, run[:]))
                run.clear()

        for partition, offset, content in records:
            if partition != current:
                end_run()
                current, begin = partition, self._numbers.next_of(partition)
                next_offset = begin
            if offset < next_offset:
                continue
            if offset > next_offset:
                end_run()
                lost = self._lost(partition, next_offset, offset)
                if lost is None:
                    break
                found.append(lost)
                begin = next_offset = offset
            arrival = _decoded(content)
            if arrival is None:
                end_run()
                span = self._number(partition, offset, offset + 1, [1])
                found.append(self._gap(span))
                begin = offset + 1
            else:
                run.append(arrival)
            next_offset = offset + 1
        end_run()
        return found

    def _number(self, partition: int, offset: int, until: int, counts: list[int]) -> Span:
        with self._numbering:
            return self._numbers.add(partition, offset, until, counts)

    def _lost(self, partition: int, offset: int, until: int) -> Gap | None:
        """Return the gap of records that are not there; None when reading is tried again first."""
        if self.topic.starts().get(partition, 0) <= offset and self._jumped != (partition, offset):
            self._jumped = partition, offset
            self._reader.restart()
            return None
        return self._gap(self._number(partition, offset, until, [until - offset]))

    def _gap(self, span: Span) -> Gap:
        return Gap(span.first, span.last, Path(f"{self.topic.name}/{span.partition}"), span.offset)

    def _again(self, span: Span) -> Records | Gap:
        if span.lost:
            return self._gap(span)
        records = self._reader.again(span.partition, span.offset, span.until - span.offset)
        arrivals = [_decoded(content) for _, _, content in records]
        sound = [arrival for arrival in arrivals if arrival is not None]
        if list(map(_size, sound)) != span.counts:
            return self._gap(span)
        return Records(span.first, span.last, sound)

    def positions(self, number: int) -> Positions:
        """Return the places that the loader reads next when it has everything below `number`."""
        with self._numbering:
            return self._numbers.positions(number)

    def spans(self, first: int, last: int) -> list[Span]:
        """Return the records that contain the messages [first, last)."""
        with self._numbering:
            return self._numbers.spans(first, last)

    def token(self, first: int, last: int) -> str:
        """Return the deduplication token of a batch: a hash of the topic and the places between which it lies."""
        places = [sorted(self.positions(number).items()) for number in (first, last)]
        return hashlib.blake2b(msgspec.json.encode([self.id, places]), digest_size=16).hexdigest()

    def go_to(self, number: int, positions: Positions) -> None:
        """Go on reading at a checkpoint; partitions that it does not name are read from their beginning."""
        starts = self._numbers.positions(self._numbers.start) if not positions else {}
        with self._numbering:
            self._numbers = Numbers(number, positions or starts)
        self._reader.restart()
        self._reader.commit({partition: offset for partition, (offset, _) in (positions or starts).items()}, "")

    def follow(self, spans: list[Span]) -> None:
        """Give messages the numbers that they had before the process ended."""
        with self._numbering:
            for span in spans:
                self._numbers.follow(span)

    def idle(self) -> None:
        """Take part in the consumer group while there is nothing to read, and notice records of other processes."""
        self._reader.look()

    def settle(self, number: int, note: str = "") -> None:
        """Forget the places below a checkpoint, and tell the brokers how far the loader is, with a note."""
        with self._numbering:
            self._numbers.settle(number)
            places = self._numbers.positions(number)
        self._reader.commit({partition: offset for partition, (offset, _) in places.items()}, note)

    def remove_stored(self, stored: int, keep_hours: float, archive: Path | None = None) -> list[Path]:  # noqa: ARG002
        """Remove nothing: the topic's own retention does."""
        return []

    def close(self) -> None:
        """Close the connections and release the directory."""
        self._writer.close()
        self._reader.close()
        if self._lock is not None:
            self._lock.close()


def _size(arrival: Arrival) -> int:
    return len(arrival.messages) + len(arrival.rejections)


def _decoded(content: bytes) -> Arrival | None:
    try:
        return arrival_of(content)
    except UNREADABLE:
        return None
