"""A prepared batch: the blocks that will be inserted, byte for byte, and how to insert them exactly once."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import msgspec

from trackway.event import Event, Millis
from trackway.store.connection import Store
from trackway.store.orders import restate
from trackway.store.refusals import QuestionFailed


class Moved(msgspec.Struct, array_like=True):
    """Stored events that belong to another session than before, or whose session has another source."""

    project_id: bytes
    session_id: bytes
    traffic: tuple[str, str, str, str, str, str]
    since: Millis
    until: Millis
    event_ids: list[bytes]


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

    def blocks(self) -> list[tuple[str, bytes]]:
        """The blocks that hold anything, by table, in the order in which they are inserted."""
        return [(name, block) for name in _TABLES if (block := getattr(self, name))]


_TABLES = (
    "identities", "events", "sessions", "claims", "aliases", "sign_outs", "rejections", "violations", "orders",
    "dead_letters",
)  # fmt: skip


def moves(events: list[Event]) -> list[Moved]:
    """Moved events by the session they move to."""
    found: dict[tuple[bytes, bytes], Moved] = {}
    for event in events:
        traffic = (event.channel, event.source, event.medium, event.campaign, event.term, event.content)
        at = event.timestamp
        key = (event.project_id, event.session_id)
        move = found.setdefault(key, Moved(event.project_id, event.session_id, traffic, at, at, []))
        move.event_ids.append(event.event_id)
        move.since, move.until = min(move.since, at), max(move.until, at)
    return list(found.values())


Sift = Callable[[str, bytes, QuestionFailed], bytes]
"""Takes the rows that the engine refuses out of a block of a table, given its error, which it raises when it cannot."""


def apply(store: Store, prepared: Prepared, sift: Sift) -> None:
    """Put a batch into the store. Doing it again, wholly or partly done before, changes nothing.

    Raises:
        QuestionFailed: the engine did not take it; nothing is lost, apply it again.
    """
    token = f"{prepared.first}-{prepared.last}"
    for move in prepared.moved:
        _move(store, move)
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


def _move(store: Store, move: Moved) -> None:
    channel, source, medium, campaign, term, content = move.traffic
    store.command(
        "ALTER TABLE events UPDATE session_id = {session:UUID}, channel = {channel:String}, source = {source:String}, "
        "medium = {medium:String}, campaign = {campaign:String}, term = {term:String}, content = {content:String} "
        "WHERE project_id = {project:UUID} AND timestamp BETWEEN fromUnixTimestamp64Milli({since:Int64}) "
        "AND fromUnixTimestamp64Milli({until:Int64}) AND event_id IN {events:Array(UUID)} "
        "SETTINGS mutations_sync = 1",
        {
            "session": UUID(bytes=move.session_id),
            "project": UUID(bytes=move.project_id),
            "since": move.since,
            "until": move.until,
            "events": [UUID(bytes=event_id) for event_id in move.event_ids],
            "channel": channel,
            "source": source,
            "medium": medium,
            "campaign": campaign,
            "term": term,
            "content": content,
        },
    )
