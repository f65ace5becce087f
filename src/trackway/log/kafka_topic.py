"""A topic of Kafka as its administrator sees it: partitions, ends, readers, and settings that endanger messages."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._listoffsets import OffsetSpec

from trackway.kafka_address import KafkaAddress
from trackway.log.kafka_members import Member, members
from trackway.log.protocol import DirectoryUnusable

T = TypeVar("T")
_WITHIN_S = 10.0
_LEARNING_S = 1.0
START_S = 30.0
"""Longer than brokers need to elect new leaders after one of them died."""
_CHANGING = (
    "NOT_COORDINATOR", "COORDINATOR_NOT_AVAILABLE", "COORDINATOR_LOAD_IN_PROGRESS", "NOT_LEADER_FOR_PARTITION",
    "LEADER_NOT_AVAILABLE", "OFFSET_NOT_AVAILABLE", "UNKNOWN_TOPIC_OR_PART", "FENCED_LEADER_EPOCH",
    "UNKNOWN_LEADER_EPOCH", "REQUEST_TIMED_OUT", "_TRANSPORT", "_STATE", "_TIMED_OUT",
)  # fmt: skip
_REFUSALS = (KafkaError._AUTHENTICATION, KafkaError._SSL)
_PROBED_S = 3.0
_WRAPPED = re.compile(r"^\w+://\S+: | \(after .*\)$")
_spec: Any = OffsetSpec
_quiet = logging.getLogger("trackway.log.kafka.client")
_quiet.setLevel(logging.CRITICAL)
"""The clients' own log repeats every lost connection each second; `trouble` says it once."""


class TopicUnusable(DirectoryUnusable):
    """The topic cannot be reached or used; the text gives the reason and the remedy."""


def configuration(address: KafkaAddress, **more: Any) -> dict[str, Any]:
    """Return the configuration of a client."""
    return {
        "client.id": "trackway",
        "reconnect.backoff.max.ms": 1000,
        **address.options,
        "bootstrap.servers": address.brokers,
        "logger": _quiet,
        **more,
    }


@contextmanager
def reaching(address: KafkaAddress) -> Iterator[None]:
    """Turn the client's errors into one sentence. Raises TopicUnusable."""
    try:
        yield
    except KafkaException as error:
        raise TopicUnusable(
            f"Kafka at {address.brokers} cannot be used ({reason(error)}); start it, or correct the setting log"
        ) from error


def reason(error: Exception) -> str:
    """Return what the client says, without its own markup."""
    return str(error.args[0].str() if error.args and hasattr(error.args[0], "str") else error)


def _refusal(address: KafkaAddress) -> str:
    """Return why the brokers do not let clients of an address in; empty when that is not the trouble.

    A client of its own asks: refusals come as events, several a second, and a client that stays would keep them all.
    """
    heard: list[KafkaError] = []
    probe = AdminClient(configuration(address, error_cb=heard.append))
    with suppress(KafkaException):
        probe.list_topics(timeout=_PROBED_S)
    probe.poll(0)
    # That a broker misses the client's certificate comes as an error of the connection.
    texts = [one.str() for one in heard if one.code() in _REFUSALS or "SSL routines" in one.str()]
    return _WRAPPED.sub("", texts[0]) if texts else ""


class Topic:
    """The topic of an address.

    Raises:
        TopicUnusable: it cannot be reached, or does not exist.
    """

    def __init__(self, address: KafkaAddress) -> None:
        self.address, self.name = address, address.topic
        try:
            self._admin = AdminClient(configuration(address))
        except KafkaException as error:
            raise TopicUnusable(f"the options of the setting log are refused: {reason(error)}") from error
        try:
            self.partitions = self.count_partitions()
        except TopicUnusable as error:
            if refusal := _refusal(address):
                raise TopicUnusable(
                    f"the brokers at {address.brokers} do not let this process in: {refusal}; correct user, password, "
                    "certificates, security.protocol or sasl.mechanism of the setting log"
                ) from error
            raise
        """The number of partitions when it was last counted."""
        with reaching(address):
            described = self._admin.describe_topics(TopicCollection([self.name]), request_timeout=_WITHIN_S)
            self.id = f"kafka:{described[self.name].result().topic_id}"
            """The id that tells this topic from every other, also from a later one of the same name."""

    def count_partitions(self, within_s: float = _WITHIN_S) -> int:
        """Return the number of partitions. Raises TopicUnusable."""
        with reaching(self.address):
            found = self._admin.list_topics(self.name, timeout=within_s).topics[self.name]
        if found.error is not None:
            raise TopicUnusable(
                f"the topic {self.name!r} at {self.address.brokers} cannot be used ({found.error.str()}); "
                "docs/how-to/kafka.md shows how it is created"
            )
        self.partitions = len(found.partitions)
        return self.partitions

    def places(self, partition: int, offset: int) -> TopicPartition:
        """Return a place in the topic as the client has it."""
        return TopicPartition(self.name, partition, offset)

    def starts(self, within_s: float = _WITHIN_S) -> dict[int, int]:
        """Return the oldest offset of each partition. Raises TopicUnusable."""
        return self._offsets(_spec.earliest(), within_s)

    def ends(self, within_s: float = _WITHIN_S) -> dict[int, int]:
        """Return the offset after the newest record of each partition, of new ones too. Raises TopicUnusable."""
        self.count_partitions(within_s)
        return self._offsets(_spec.latest(), within_s)

    def _offsets(self, which: Any, within_s: float) -> dict[int, int]:
        asked = {TopicPartition(self.name, partition): which for partition in range(self.partitions)}

        def ask() -> dict[int, int]:
            answers = self._admin.list_offsets(asked, request_timeout=within_s)
            return {place.partition: answer.result().offset for place, answer in answers.items()}

        with reaching(self.address):
            return _patiently(ask, within_s, self._learn)

    def _learn(self) -> None:
        """Ask for the leaders of the partitions: after a broker died, the client uses the former ones for minutes."""
        with suppress(KafkaException):
            self._admin.list_topics(self.name, timeout=_LEARNING_S)

    def other_loaders(self, own: str) -> list[str]:
        """Return the hosts of loaders that read the topic, except the one whose id is `own`. Raises TopicUnusable."""
        return [member.host for member in self._members() if member.group_instance_id != own]

    def other_clients(self, identity: str, own: str) -> list[str]:
        """Return the clients other than `own` that read as the loader with an id. Raises TopicUnusable."""
        alike = [member for member in self._members() if member.group_instance_id == identity]
        return [member.client_id for member in alike if member.client_id != own]

    def _members(self) -> list[Member]:
        options = {name: value for name, value in configuration(self.address).items() if name != "logger"}

        def ask() -> list[Member]:
            return members(options, self.address.group, _WITHIN_S)

        try:
            return _patiently(ask, START_S)
        except KafkaException as error:
            refused = error.args[0].name() if error.args else ""
            if refused == "GROUP_ID_NOT_FOUND":
                return []
            remedy = "; the user needs DESCRIBE on the group" if "AUTHORIZATION" in refused else "; start its brokers"
            raise TopicUnusable(
                f"the group {self.address.group!r} of the topic {self.name!r} cannot be used ({reason(error)}){remedy}"
            ) from error

    def dangers(self) -> list[str]:
        """Return what in the topic's settings endangers the promise that 202 means storable. Raises TopicUnusable."""
        with reaching(self.address):
            topic = ConfigResource(ConfigResource.Type.TOPIC, self.name)
            entries = self._admin.describe_configs([topic], request_timeout=_WITHIN_S)[topic].result()
            described = self._admin.describe_topics(TopicCollection([self.name]), request_timeout=_WITHIN_S)
            replicas = min(len(partition.replicas) for partition in described[self.name].result().partitions)
        values = {name: entry.value for name, entry in entries.items()}
        return dangers_of(values, replicas)


def _patiently(ask: Callable[[], T], within_s: float, learn: Callable[[], None] = lambda: None) -> T:
    """Return an answer; while a partition or a group changes its broker, ask again. Raises KafkaException.

    Args:
        learn: called before asking again.
    """
    until = time.monotonic() + within_s
    while True:
        try:
            return ask()
        except KafkaException as error:
            refused = error.args[0].name() if error.args else ""
            if time.monotonic() > until or refused not in _CHANGING:
                raise
            time.sleep(0.1)
            learn()


def dangers_of(values: dict[str, str | None], replicas: int) -> list[str]:
    """Return what endangers messages in a topic with these settings and so many replicas."""
    return list(_dangers(values, replicas))


def _dangers(values: dict[str, str | None], replicas: int) -> Iterator[str]:
    in_sync, hours = int(values.get("min.insync.replicas") or 1), int(values.get("retention.ms") or -1) / 3_600_000
    if replicas < 3:
        yield f"it has {replicas} replica{'s' * (replicas > 1)}: use 3, so that a lost disk loses no message"
    if in_sync < 2:
        yield "min.insync.replicas is 1: use 2, or 202 may mean that a single broker has the message"
    elif in_sync >= replicas:
        yield f"min.insync.replicas is {in_sync} of {replicas} replicas: one broker down stops collecting"
    if 0 <= hours < 72:
        yield f"retention.ms keeps messages for {hours:.0f} hours: use 7 days; older ones are lost when nothing loads"
    if int(values.get("retention.bytes") or -1) >= 0:
        yield "retention.bytes is set: a peak may remove messages before they are stored; use -1"
    if "compact" in (values.get("cleanup.policy") or ""):
        yield "cleanup.policy compacts: use delete; brokers refuse records without keys then"
    if values.get("unclean.leader.election.enable") == "true":
        yield "unclean.leader.election.enable is true: a broker that lags may lose acknowledged messages; use false"
