"""The consumer group and the topic of a loader, as another process asks them how far the loader is and what waits."""

from __future__ import annotations

from typing import NamedTuple

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

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
        self._admin = AdminClient(configuration(self._address))

    def committed(self) -> Committed:
        """Ask how far the loader is. Raises TopicUnusable."""
        places = [TopicPartition(self.topic.name, partition) for partition in range(self.topic.partitions)]
        group = self._address.group
        with reaching(self._address):
            try:
                asked = [ConsumerGroupTopicPartitions(group, places)]
                found = self._admin.list_consumer_group_offsets(asked, request_timeout=_WITHIN_S)[group].result()
            except KafkaException as error:
                if error.args and error.args[0].name() == "GROUP_ID_NOT_FOUND":
                    return Committed({}, "")
                raise
        told = {place.partition: place for place in found.topic_partitions or [] if place.offset >= 0}
        offsets = {partition: place.offset for partition, place in told.items()}
        return Committed(offsets, next((place.metadata for place in told.values() if place.metadata), ""))

    def ends(self) -> dict[int, int]:
        """Ask where the topic ends. Raises TopicUnusable."""
        return self.topic.ends(_WITHIN_S)
