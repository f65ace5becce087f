"""The reading side of a log in Kafka: the consumer of the one loader that reads the topic."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from types import MappingProxyType
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from trackway.log.kafka_topic import Topic, TopicUnusable, configuration

_MOST_AT_ONCE = 5_000
_WAIT_S = 0.1
_AGAIN_S = 30.0
_SESSION_MS = 10_000
_LOOKED_EVERY_S = 2.0
_TROUBLED_S = 10.0
_COMMITTED_AGAIN_S = 0.5

Record = tuple[int, int, bytes]
"""Partition, offset and content."""


class Reader:
    """Reads the records of all partitions, each partition in order.

    The reader is a member of the topic's consumer group under the id of its data directory. Kafka lets one process at a
    time have that id, and the reader reads only while it has all partitions, so that no second loader works beside it.

    Args:
        identity: the id of the data directory.
        next_of: returns the offset to read next of a partition.
    """

    def __init__(self, topic: Topic, identity: str, next_of: Callable[[int], int]) -> None:
        self._topic, self._identity, self._next_of = topic, identity, next_of
        self._consumer: Consumer | None = None
        self._assigned: list[int] = []
        self._ahead: list[Record] = []
        self._lasting, self._passing, self._failed_at = "", "", 0.0
        self._client = f"trackway-{secrets.token_hex(4)}"
        self._fenced, self._looked_at, self._displaced = False, 0.0, False
        self._newest: list[TopicPartition] = []
        self._uncommitted, self._tried_at = False, 0.0

    @property
    def trouble(self) -> str:
        """The reason why nothing can be read, or empty; the client repeats what lasts."""
        return self._lasting or (self._passing if time.monotonic() - self._failed_at < _TROUBLED_S else "")

    def read(self, most: int) -> list[Record]:
        """Return at most `most` next records; none when none came within a moment."""
        if self._ahead:
            ahead, self._ahead = self._ahead, []
            return ahead
        return self._read(most, _WAIT_S)

    def look(self) -> None:
        """Read one record, if there is one, and keep it for `read`; the client does its other work meanwhile."""
        if not self._ahead:
            self._ahead = self._read(1, 0.0)

    def _read(self, most: int, wait_s: float) -> list[Record]:
        if self._fenced and not self._may_return():
            time.sleep(wait_s)
            return []
        consumer = self._joined()
        if self._uncommitted and time.monotonic() - self._tried_at > _COMMITTED_AGAIN_S:
            self._commit()
        try:
            found: list[Any] = consumer.consume(min(most, _MOST_AT_ONCE), wait_s)
        except KafkaException as error:
            self._failed(error.args[0])
            return []
        for problem in filter(None, (message.error() for message in found)):
            self._failed(problem)
        if self._displaced:  # the client says it once: when the brokers do not answer now, they are asked again
            self._lasting, self._displaced = self._out_of_range(), False
        sound = [message for message in found if message.error() is None] if self._assigned else []
        return [(message.partition(), message.offset(), message.value() or b"") for message in sound]

    def _may_return(self) -> bool:
        """Leave the group, and return whether no other process has this reader's place in it.

        The group may also have fenced this process for the one before it, which was killed: when a broker that kept the
        group died. That place ends with its session.
        """
        self._leave()
        if time.monotonic() - self._looked_at < _LOOKED_EVERY_S:
            return False
        self._looked_at = time.monotonic()
        with suppress(TopicUnusable):
            others = self._topic.other_clients(self._identity, self._client)
            self._fenced = bool(others)
            self._lasting = "another process with a copy of this data directory reads the topic" if others else ""
        return not self._fenced

    def _joined(self) -> Consumer:
        if self._consumer is None:
            self._consumer = Consumer(
                configuration(
                    self._topic.address,
                    error_cb=self._failed,
                    on_commit=self._committed,
                    **{
                        "client.id": self._client,
                        "group.id": self._topic.address.group,
                        "group.instance.id": self._identity,
                        "session.timeout.ms": _SESSION_MS,
                        "max.poll.interval.ms": 86_400_000,  # the store may be away for long
                        "enable.auto.commit": False,
                        "enable.auto.offset.store": False,
                        "auto.offset.reset": "error",
                        "partition.assignment.strategy": "range",
                        # A fetch for each record costs more than the record: wait a moment for more of them.
                        "fetch.min.bytes": 100_000,
                        "fetch.wait.max.ms": 100,
                        "queued.max.messages.kbytes": 32 * 1024,
                        "check.crcs": True,
                        "topic.metadata.refresh.interval.ms": 60_000,
                    },
                )
            )
            self._consumer.subscribe([self._topic.name], on_assign=self._assign, on_revoke=self._revoke)
        return self._consumer

    def _assign(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        with suppress(Exception):
            self._topic.count_partitions()
        partitions = sorted(place.partition for place in places)
        if len(partitions) < self._topic.partitions:
            self._lasting = (
                f"another loader reads {self._topic.partitions - len(partitions)} of {self._topic.partitions} "
                f"partitions of the topic {self._topic.name!r}; stop one of the two"
            )
            partitions = []
        else:
            self._lasting = self._passing = ""
        self._assigned, self._ahead = partitions, []
        consumer.assign([self._topic.places(partition, self._next_of(partition)) for partition in partitions])

    def _revoke(self, consumer: Consumer, _: list[TopicPartition]) -> None:
        self._assigned, self._ahead = [], []
        consumer.unassign()

    def _failed(self, error: KafkaError) -> None:
        if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            self._displaced = True
        elif error.fatal() or error.code() in (KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID):
            self._fenced = True
        elif error.code() != KafkaError._PARTITION_EOF:
            self._passing = f"the topic {self._topic.name!r} cannot be read: {error.str()}"
            self._failed_at = time.monotonic()

    def _out_of_range(self) -> str:
        """Go on after records that are no longer there; return the problem when the topic ends before the position."""
        starts, ends = self._topic.starts(), self._topic.ends()
        for partition in self._assigned:
            offset = self._next_of(partition)
            if offset > ends[partition]:
                return (
                    f"partition {partition} of the topic {self._topic.name!r} ends at {ends[partition]}, and the store "
                    f"has its records up to {offset}: a broker that lagged became its leader, or its disk was lost"
                )
        self.restart(starts)
        return ""

    def restart(self, least: Mapping[int, int] = MappingProxyType({})) -> None:
        """Read on at the offsets that `next_of` gives now, or at those of `least` where they are higher."""
        self._ahead = []
        if self._consumer is not None and self._assigned:
            offsets = [(one, max(self._next_of(one), least.get(one, 0))) for one in self._assigned]
            self._consumer.assign([self._topic.places(*place) for place in offsets])

    def again(self, partition: int, offset: int, count: int) -> list[Record]:
        """Return records that were read before, or those of them that are still there."""
        records: list[Record] = []
        until = time.monotonic() + _AGAIN_S
        more = {"group.id": f"{self._topic.address.group}-again", "auto.offset.reset": "earliest"}
        more |= {"enable.auto.commit": False}  # type: ignore[dict-item]
        with closing(Consumer(configuration(self._topic.address, **more))) as consumer:
            consumer.assign([self._topic.places(partition, offset)])
            while len(records) < count and time.monotonic() < until:
                found: list[Any] = consumer.consume(min(count - len(records), _MOST_AT_ONCE), _WAIT_S)
                for message in found:
                    if message.error() is None and message.offset() >= offset:
                        if message.offset() >= offset + count:
                            return records
                        records.append((partition, message.offset(), message.value() or b""))
        return records

    def ends(self) -> dict[int, int]:
        """Return the ends of the partitions that came with the last records, without asking the brokers."""
        consumer, ends = self._consumer, {}
        if consumer is None:
            return {}
        for partition in self._assigned:
            with suppress(KafkaException, RuntimeError):
                found: Any = consumer.get_watermark_offsets(self._topic.places(partition, 0), cached=True)
                ends[partition] = found[1]
        return ends

    def commit(self, offsets: dict[int, int], note: str) -> None:
        """Tell the brokers how far the loader is, with a note, for the other processes and for tools that show the lag.

        What the brokers refuse is sent again while the reader reads. No loader reads on from these offsets.
        """
        self._newest = [TopicPartition(self._topic.name, one, offset, note) for one, offset in offsets.items()]
        self._commit()

    def _commit(self) -> None:
        self._uncommitted, self._tried_at = True, time.monotonic()
        if self._consumer is not None and self._assigned and self._newest:
            with suppress(KafkaException, RuntimeError):
                self._uncommitted = False  # the answer, which may say otherwise, comes in another thread
                self._consumer.commit(offsets=self._newest, asynchronous=True)
                return
            self._uncommitted = True

    def _committed(self, error: KafkaError | None, places: list[TopicPartition]) -> None:
        if error is not None or any(place.error for place in places):
            self._uncommitted = True

    def _leave(self) -> None:
        if self._consumer is not None:
            consumer, self._consumer, self._assigned = self._consumer, None, []
            with suppress(KafkaException, RuntimeError):
                consumer.close()

    def close(self) -> None:
        """Stop reading."""
        self._leave()
