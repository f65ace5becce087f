"""Durability of a store's writes, and the end of its engine before it goes back to a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trackway.store.engine import EngineProcess, EngineUnavailable
from trackway.store.open_errors import unopened
from trackway.store.refusals import StoreBusy

if TYPE_CHECKING:
    from trackway.store.connection import Store


class Durability:
    """The way in which writes become durable, shared by all writers of one store.

    Attributes:
        generation: grows when the store goes back to a checkpoint.
        settle: makes all writes so far durable; it is the loader's checkpoint when there is a loader.
    """

    def __init__(self) -> None:
        self.generation = 0
        self.settle: Callable[[], None] = lambda: None


@contextmanager
def suspended(store: Store) -> Iterator[None]:
    """End the store's engine process in the `with` block; running statements fail, new ones wait for a few seconds.

    Raises:
        StoreBusy: it cannot be started again.
    """
    assert isinstance(store.engine, EngineProcess)
    try:
        with store.engine.stopped():
            yield
    except EngineUnavailable as error:
        raise StoreBusy(unopened(store.dsn, str(error))) from error
    store.persons.stale()
