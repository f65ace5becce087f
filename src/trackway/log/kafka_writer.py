"""The writing side of a log in Kafka: records by project and visitor, acknowledged by all replicas in sync."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

import msgspec
import xxhash
from confluent_kafka import KafkaError, KafkaException, Producer

from trackway.event import Arrival
from trackway.log.kafka_topic import Topic, configuration, reason
from trackway.log.protocol import LogUnavailable

_LARGEST = 512 * 1024
"""Bytes above which a record is divided: brokers take batches of at most 1 MiB unless they are told otherwise."""
_COUNTED_EVERY_S, _COUNTED_WITHIN_S = 60.0, 10.0
_TROUBLED_S = 30.0


class _Visitor(msgspec.Struct, rename="camel"):
    anonymous_id: str | int | float | None = None
    user_id: str | int | float | None = None


class _Head(msgspec.Struct, array_like=True):
    """The part of an `Arrival` that decides on its partition; the rest is not decoded."""

    received_at: msgspec.Raw
    project_id: bytes
    ip: msgspec.Raw
    location: msgspec.Raw
    user_agent: msgspec.Raw
    language: msgspec.Raw
    browser: msgspec.Raw
    sent_at: msgspec.Raw
    messages: list[_Visitor]


_heads, _arrivals, _encoder = (
    msgspec.msgpack.Decoder(_Head), msgspec.msgpack.Decoder(Arrival), msgspec.msgpack.Encoder()
)  # fmt: skip


def partition_of(project_id: bytes, visitor: str, partitions: int) -> int:
    """Return the partition of a visitor's messages: the same in every process and version."""
    return xxhash.xxh3_64_intdigest(project_id + visitor.encode(errors="surrogatepass")) % partitions


def divided(record: bytes, partitions: int) -> Iterator[tuple[int, bytes]]:
    """Yield partitions and records: a request, divided by the partitions of its visitors and into records that fit."""
    head = _heads.decode(record)
    of_messages = [
        partition_of(head.project_id, _id(message), partitions) for message in head.messages
    ] or [partition_of(head.project_id, "", partitions)]  # fmt: skip
    if len(record) <= _LARGEST and len(set(of_messages)) == 1:
        yield of_messages[0], record
        return
    arrival = _arrivals.decode(record)
    groups: dict[int, list[int]] = {}
    for index, partition in enumerate(of_messages):
        groups.setdefault(partition, []).append(index)
    unplaced = {violation.message_id for violation in arrival.violations}
    unplaced -= {str(message.message_id) for message in arrival.messages}
    for number, (partition, indexes) in enumerate(groups.items()):
        messages = [arrival.messages[index] for index in indexes] if arrival.messages else []
        # What was refused belongs to no message of the request, and goes with the first part.
        ids = {str(message.message_id) for message in messages} | (unplaced if number == 0 else set())
        part = Arrival(
            arrival.received_at, arrival.project_id, arrival.ip, arrival.location, arrival.user_agent,
            arrival.language, arrival.browser, arrival.sent_at, messages, arrival.rejections if number == 0 else [],
            [violation for violation in arrival.violations if violation.message_id in ids],
        )  # fmt: skip
        for fitting in _fitting(part):
            yield partition, fitting


def _id(message: _Visitor) -> str:
    return str(message.user_id if message.anonymous_id is None else message.anonymous_id)


def _fitting(arrival: Arrival) -> Iterator[bytes]:
    record = _encoder.encode(arrival)
    if len(record) <= _LARGEST or len(arrival.messages) < 2:
        yield record
        return
    middle = len(arrival.messages) // 2
    ids = {str(message.message_id) for message in arrival.messages[middle:]}
    for first, messages in ((True, arrival.messages[:middle]), (False, arrival.messages[middle:])):
        yield from _fitting(
            msgspec.structs.replace(
                arrival,
                messages=messages,
                rejections=arrival.rejections if first else [],
                violations=[one for one in arrival.violations if (one.message_id in ids) is not first],
            )
        )


Settled = Callable[[str], None]
"""A function that is called once, from any thread: with the reason why a record is refused, or empty."""


class Sending(Protocol):
    """Hands single records to the client."""

    def send(self, record: bytes, settled: Settled) -> None:
        """Hand a record to the client and return at once."""
        ...


def written(sending: Sending, records: list[bytes]) -> None:
    """Send records and wait until each is acknowledged or refused. Raises LogUnavailable."""
    refused: dict[int, str] = {}
    left, done = [len(records)], threading.Event()

    def settled(index: int, problem: str) -> None:
        if problem:
            refused[index] = problem
        left[0] -= 1
        if not left[0]:
            done.set()

    for index, record in enumerate(records):
        sending.send(record, partial(settled, index))
    if records:
        done.wait()  # `message.timeout.ms` ends it
    if refused:
        raise LogUnavailable(next(iter(refused.values())), frozenset(refused))


class Writer:
    """Writes records to a topic, from any thread; a thread of its own takes the brokers' answers.

    Args:
        wrote: called with partition and offset of each record that the brokers have.
    """

    def __init__(self, topic: Topic, wrote: Callable[[int, int], None]) -> None:
        self._topic, self._wrote, self._partitions = topic, wrote, topic.partitions
        self._opening, self._counting = threading.Lock(), threading.Lock()
        self._producer: Producer | None = None
        self._failing = False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kafka", daemon=True)
        self._trouble, self._failed_at = "", 0.0

    @property
    def trouble(self) -> str:
        """The reason why the last write failed, for 30 s: a proxy that asks for it tries this process again then."""
        return self._trouble if time.monotonic() - self._failed_at < _TROUBLED_S else ""

    def write(self, records: list[bytes]) -> None:
        """Write records; return when all replicas in sync have them.

        Raises:
            LogUnavailable: some of them were not acknowledged; `refused` says which. A broker may have one of these
                all the same: sent again, its message id shows that it is a repeat.
        """
        written(self, records)

    def send(self, record: bytes, settled: Settled) -> None:
        """Hand a record to the client and return at once."""
        producer = self._opened()
        parts = list(divided(record, self._partitions))
        problems: list[str] = []
        left = [len(parts)]

        def answered(count: int) -> None:
            with self._counting:
                left[0] -= count
                last = not left[0]
            if last and count:
                settled(self._noted(problems))

        def delivered(error: KafkaError | None, message: Any) -> None:
            if error is None:
                self._wrote(message.partition(), message.offset())
            else:
                problems.append(error.str())
            answered(1)

        unsent = 0
        for partition, value in parts:
            try:
                producer.produce(self._topic.name, value, partition=partition, on_delivery=delivered)
            except (BufferError, KafkaException) as error:
                problems.append(reason(error))
                unsent += 1
        answered(unsent)

    def _noted(self, problems: list[str]) -> str:
        """Return why a record is refused, as a sentence; keep it for `trouble`."""
        if not problems:
            self._trouble = ""
            return ""
        self._trouble = f"Kafka at {self._topic.address.brokers} did not take a record: {problems[0]}"
        self._failed_at = time.monotonic()
        return self._trouble

    def _opened(self) -> Producer:
        with self._opening:
            if self._producer is None:
                options = {"compression.type": "zstd", "linger.ms": "0", "message.timeout.ms": "10000"}
                self._producer = Producer(
                    configuration(
                        self._topic.address._replace(options=options | self._topic.address.options),
                        **{"enable.idempotence": True, "acks": "all", "queue.buffering.max.messages": 1_000_000},
                        error_cb=self._failed,
                    )
                )
                if not self._thread.is_alive():
                    self._thread.start()
            return self._producer

    def _run(self) -> None:
        """Take the brokers' answers, until the writer is closed and nothing waits."""
        counted_at = time.monotonic()
        while (producer := self._producer) is not None:
            producer.poll(0.1)
            if self._failing:  # a producer that lost its place among its own records cannot go on
                self._failing, self._producer = False, None
                producer.purge()
                producer.flush(1)
                self._opened()
            elif self._closed.is_set() and not len(producer):
                return
            elif time.monotonic() - counted_at > _COUNTED_EVERY_S:
                counted_at = time.monotonic()
                self._count(producer)

    def _count(self, producer: Producer) -> None:
        """Count the partitions. Only the producer's own answer lets it write to new ones; others may know them before.

        While the brokers are away, the known number holds.
        """
        with suppress(KafkaException):
            found = producer.list_topics(self._topic.name, timeout=_COUNTED_WITHIN_S).topics[self._topic.name]
            if found.error is None:
                self._partitions = self._topic.partitions = len(found.partitions)

    def _failed(self, error: KafkaError) -> None:
        self._failing = self._failing or error.fatal() or error.code() == KafkaError._FATAL

    def close(self) -> None:
        """Wait for the answers that are due, and close the connections."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()
