"""The consumer group and the topic of a loader, as another process asks them how far the loader is and what waits."""

from __future__ import annotations

from typing import NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition

from trackway import kafka_address
from trackway.log.kafka_topic import Topic, configuration, reaching

_WITHIN_S = 5.0


class Committed(NamedTuple):
    """The next offset of each partition, and the note that came with them."""

    offsets: dict[int, int]
    note: str

    def holds(self, ends: dict[int, int]) -> bool:
        """Whether everything below these ends is stored."""
        return all(self.offsets.get(partition, 0) >= end for partition, end in ends.items())


class Group:
    """The group and the topic of one loader, for processes that do not read it.

    Raises:
        TopicUnusable: the topic cannot be reached, or does not exist.
    """

    def __init__(self, address: str, number: int) -> None:
        self._address = kafka_address.parse(address).of_loader(number)
        self.topic = Topic(self._address)
        # An administrator's client ends the process when the broker that keeps the group dies (log/kafka_members.py). A
        # consumer does not, and is no member of the group before it subscribes.
        grouped = {"group.id": self._address.group, "enable.auto.commit": False}
        self._consumer = Consumer(configuration(self._address, **grouped))

    def committed(self) -> Committed:
        """Ask how far the loader is. Raises TopicUnusable."""
        places = [TopicPartition(self.topic.name, partition) for partition in range(self.topic.partitions)]
        with reaching(self._address):
            found = self._consumer.committed(places, timeout=_WITHIN_S)
            for refused in filter(None, (place.error for place in found)):
                raise KafkaException(refused)
        told = {place.partition: place for place in found if place.offset >= 0}
        offsets = {partition: place.offset for partition, place in told.items()}
        return Committed(offsets, next((place.metadata for place in told.values() if place.metadata), ""))

    def ends(self) -> dict[int, int]:
        """Ask where the topic ends. Raises TopicUnusable."""
        return self.topic.ends(_WITHIN_S)
