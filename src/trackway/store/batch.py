"""A prepared batch: the blocks that will be inserted, byte for byte, and how to insert them exactly once."""

from __future__ import annotations

import logging
from uuid import UUID

import msgspec

from trackway.event import Event, Millis
from trackway.store import rows
from trackway.store.connection import Store
from trackway.store.orders import restate
from trackway.store.refusals import QuestionFailed

logger = logging.getLogger("trackway.store.batch")


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


def apply(store: Store, prepared: Prepared) -> None:
    """Put a batch into the store. Doing it again, wholly or partly done before, changes nothing.

    Raises:
        QuestionFailed: the engine did not take it; nothing is lost, apply it again.
    """
    token = f"{prepared.first}-{prepared.last}"
    for move in prepared.moved:
        _move(store, move)
    if prepared.identities:
        store.insert("identities", prepared.identities, token)
    if prepared.events:
        _insert_events(store, prepared.events, token)
    for table, block in (
        ("sessions", prepared.sessions),
        ("claims", prepared.claims),
        ("aliases", prepared.aliases),
        ("sign_outs", prepared.sign_outs),
        ("rejections", prepared.rejections),
        ("violations", prepared.violations),
        ("orders", prepared.orders),
    ):
        if block:
            store.insert(table, block, token)
    for project_id, identities in prepared.ordered:
        restate(store, UUID(bytes=project_id), identities)
    if prepared.claims or prepared.aliases:
        store.persons.stale()


def _insert_events(store: Store, block: bytes, token: str) -> None:
    try:
        store.insert("events", block, token)
    except QuestionFailed as error:
        if "JSON" not in error.full:
            raise
        # Properties that the engine cannot take must stop neither their neighbours nor the loader.
        logger.error("the engine refuses properties at offsets %s (%s); they are kept as text", token, error.full)
        store.insert("events", rows.properties_as_text(block), token)


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
