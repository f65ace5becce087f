"""The writing side of several logs in Kafka: each project's records go to the topic of its loader."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from trackway.log.kafka_writer import Settled, Writer, written

LoaderOf = Callable[[bytes], int | None]
"""A function that returns the number of a project's loader; None while it is not known."""


class _Owner(msgspec.Struct, array_like=True):
    """The part of an `Arrival` that says whose it is; the rest is not decoded."""

    received_at: msgspec.Raw
    project_id: bytes


_owners = msgspec.msgpack.Decoder(_Owner)


class Router:
    """Writes records like a `Writer`, each to the topic of its project's loader.

    Args:
        writers: those of the loaders' topics, in the order of the loaders' numbers.
    """

    def __init__(self, writers: list[Writer], loader_of: LoaderOf) -> None:
        self._writers, self._loader_of = writers, loader_of

    @property
    def trouble(self) -> str:
        """The reason why the last write to one of the topics failed, or empty."""
        return next(filter(None, (writer.trouble for writer in self._writers)), "")

    def write(self, records: list[bytes]) -> None:
        """Write records; return when all replicas in sync have them. Raises LogUnavailable."""
        written(self, records)

    def send(self, record: bytes, settled: Settled) -> None:
        """Hand a record to the client and return at once."""
        number = self._loader_of(_owners.decode(record).project_id)
        if number is None or number >= len(self._writers):
            settled(
                "the loader of the project is not known"
                if number is None
                else f"the project belongs to loader {number}, and the setting log names {len(self._writers)}"
            )
        else:
            self._writers[number].send(record, settled)

    def close(self) -> None:
        """Wait for the answers that are due, and close the connections."""
        for writer in self._writers:
            writer.close()
