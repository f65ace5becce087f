"""A prepared batch: the blocks that will be inserted, byte for byte, and how to insert them exactly once."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import msgspec

from trackway.enrich.identity import Separated
from trackway.event import Millis
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
    """By project, the identities whose orders change."""
    dead_letters: bytes = b""
    letters: int = 0
    """How many dead letters there are in the block."""
    separated: list[Separated] = []

    def blocks(self) -> list[tuple[str, bytes]]:
        """The blocks that hold anything, by table, in the order in which they are inserted."""
        return [(name, block) for name in _TABLES if (block := getattr(self, name))]


_TABLES = (
    "identities", "events", "sessions", "claims", "aliases", "sign_outs", "rejections", "violations", "orders",
    "dead_letters",
)  # fmt: skip


Sift = Callable[[str, bytes, QuestionFailed], bytes]
"""Takes the rows that the engine refuses out of a block of a table, given its error, which it raises when it cannot."""


def apply(store: Store, prepared: Prepared, sift: Sift) -> None:
    """Put a batch into the store. Doing it again, wholly or partly done before, changes nothing.

    Raises:
        QuestionFailed: the engine did not take it; nothing is lost, apply it again.
    """
    token = f"{prepared.first}-{prepared.last}"
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
