"""The words of a loader to other processes, and the part of a loader that has no others beside it.

They are apart from the parts of several loaders, whose libraries a single one needs not load.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

import msgspec

if TYPE_CHECKING:
    from trackway.store.share import Share

Part: TypeAlias = "Share | Alone"
"""The part of one loader among several, or of a single one."""


class Note(msgspec.Struct):
    """A loader's note about itself, which it commits with its offsets.

    Attributes:
        merged: the offset of its newest batch that merged or separated persons.
        refused: the offset of its newest batch with dead letters.
        lost: the number of messages of its log that could not be read.
        process: tells one start of the loader from another.
        start: the name of this start in the loader's accounts database; empty of a loader of an earlier version.
    """

    merged: int = 0
    refused: int = 0
    lost: int = 0
    process: str = msgspec.field(default_factory=lambda: secrets.token_hex(4))
    start: str = ""

    def text(self) -> str:
        """Return the note as text."""
        return msgspec.json.encode(self).decode()


def note_of(text: str) -> Note | None:
    """Return a note; None for a text that is none, as tools that move offsets write."""
    try:
        return msgspec.json.decode(text, type=Note)
    except msgspec.DecodeError:
        return None


class Alone:
    """The part of a single loader: all of the work."""

    next_number: Callable[[], int] | None = None
    start = ""

    def __init__(self) -> None:
        self.lock: AbstractContextManager[object] = threading.RLock()

    def of_others(self) -> list[UUID]:
        """Return no project."""
        return []

    def open(self, newest: Callable[[], int]) -> None:
        """Do nothing: numbers follow the highest in the store."""

    def settle(self) -> None:
        """Do nothing: nobody waits."""

    def batch(self, blocks: int) -> AbstractContextManager[object]:  # noqa: ARG002 - nobody else stores anything
        """Tell nobody."""
        return nullcontext()
