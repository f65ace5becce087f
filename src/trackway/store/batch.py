"""A prepared batch: the blocks to insert, byte for byte, and the way to insert them exactly once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import msgspec

from trackway.enrich.identity import Separated
from trackway.event import UNREADABLE, Millis
from trackway.log import Span
from trackway.store.connection import Store
from trackway.store.late_sign_outs import separate
from trackway.store.moved_events import Moved, move
from trackway.store.orders import restate
from trackway.store.refusals import QuestionFailed


class Prepared(msgspec.Struct, array_like=True):
    """Messages [first, last) of the log, ready for the store; empty blocks are empty bytes."""

    first: int
    last: int
    received_at: Millis
    events: bytes
    sessions: bytes
    rejections: bytes
    moved: list[Moved]
    digests: bytes
    claims: bytes = b""
    aliases: bytes = b""
    sign_outs: bytes = b""
    identities: bytes = b""
    projects: list[bytes] = []
    violations: bytes = b""
    orders: bytes = b""
    ordered: list[tuple[bytes, list[int]]] = []
    """The identities whose orders change, by project."""
    dead_letters: bytes = b""
    letters: int = 0
    """The number of dead letters in the block."""
    separated: list[Separated] = []
    token: str = ""
    """The deduplication token; empty in a batch of an earlier version: its offsets."""
    spans: list[Span] = []
    """The records of the log, when it numbers them anew in each process."""
    months: int = 1
    """The number of stretches of 28 days that its rows are in; tables are partitioned by the calendar month."""

    def blocks(self) -> list[tuple[str, bytes]]:
        """Return the non-empty blocks with their tables, in the order in which they are inserted."""
        return [(name, block) for name in _TABLES if (block := getattr(self, name))]

    @property
    def most_blocks(self) -> int:
        """The most blocks that it puts into one table: events and sessions may both fill it, each by the month."""
        return 4 * self.months

    def message_keys(self) -> list[bytes]:
        """Return the digests of the messages, 16 bytes each."""
        return [self.digests[at : at + 16] for at in range(0, len(self.digests), 16)]


def read_prepared(path: Path) -> Prepared | None:
    """Return the batch in a file; None when the file is incomplete."""
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=Prepared)
    except UNREADABLE:
        return None


def left_in(directory: Path, stored: int) -> Iterator[tuple[Path, Prepared]]:
    """Yield the batches that were prepared for a server and go beyond an offset, in order; remove the other files.

    Args:
        stored: the offset of the checkpoint.
    """
    for path in sorted(directory.glob("*.batch")):
        prepared = read_prepared(path)
        if prepared is None or prepared.last <= stored:
            # Older than the checkpoint, or incomplete: a batch is written whole before the server gets any of it.
            path.unlink()
        else:
            yield path, prepared


_TABLES = (
    "identities", "events", "sessions", "claims", "aliases", "sign_outs", "rejections", "violations", "orders",
    "dead_letters",
)  # fmt: skip


Sift = Callable[[str, bytes, QuestionFailed], bytes]
"""A function that removes the refused rows from a table's block, given the engine's error; it may raise that error."""


def apply(store: Store, prepared: Prepared, sift: Sift) -> None:
    """Put a batch into the store. Repeating it, after it was done wholly or in part, changes nothing.

    Raises:
        QuestionFailed: the engine did not take it; nothing is lost, apply it again.
    """
    token = prepared.token or f"{prepared.first}-{prepared.last}"
    separate(store, prepared.separated, token)
    move(store, prepared.moved, token)
    for table, block in prepared.blocks():
        try:
            store.insert(table, block, token)
        except QuestionFailed as error:
            if sound := sift(table, block, error):
                store.insert(table, sound, token)
    for project_id, identities in prepared.ordered:
        restate(store, UUID(bytes=project_id), identities)
    if prepared.claims or prepared.aliases:
        store.persons.stale()
