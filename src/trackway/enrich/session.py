"""The session rule of docs/explanation/counting.md, as a pure function.

A session ends after 30 minutes without an event, when another known user takes over, after sign-out and after an
explicit end. Signing in, midnight and a new campaign do not end it. Among events in the same millisecond, the first to
arrive counts as the first.

A session that its client names ends when its client names another one, and when another known user takes over. So
several sessions can have one name; their ids share a `family`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from uuid import UUID

import msgspec
import xxhash

from trackway.enrich.identity import SIGN_OUTS
from trackway.event import GAP, Event, Millis, uuid7

_DAY = 86_400_000
_RANDOM = (1 << 74) - 1
_FAMILY = (1 << 56) - 1

PASSIVE = frozenset(
    ("impression", "engagement", "time_in_view", "scroll", "web_vital", "error", "messages_dropped", "Session Ended")
)
"""Events that happen without an action of the visitor; a bounce with such events is still a bounce."""
_ENDINGS = SIGN_OUTS | {f"session{joint}{end}" for joint in (" ", "_", "-", "") for end in ("ended", "end")}


class Session(msgspec.Struct, gc=False):
    """One row of the sessions table. Source, device and place are those of the session's first event.

    `acts` counts the visitor's actions: pages, screens and tracks that are not `PASSIVE`. `hinted` is true when the
    client named the session. `version` is the log offset of the batch that wrote the row.
    """

    project_id: bytes
    session_id: bytes
    visitor_id: str
    visitor_name: str
    user_id: str
    started_at: Millis
    ended_at: Millis
    closed: bool
    events: int
    acts: int
    page_views: int
    entry_at: Millis
    entry_host: str
    entry_path: str
    exit_at: Millis
    exit_path: str
    referrer_host: str
    channel: str
    source: str
    medium: str
    campaign: str
    term: str
    content: str
    device: str
    browser: str
    system: str
    country: str
    region: str
    city: str
    language: str
    bot: str
    hinted: bool
    version: int
    identity: int

    @property
    def traffic(self) -> tuple[str, str, str, str, str, str]:
        """Channel, source, medium, campaign, term and content."""
        return (self.channel, self.source, self.medium, self.campaign, self.term, self.content)


def traffic_of(event: Event) -> tuple[str, str, str, str, str, str]:
    """Return channel, source, medium, campaign, term and content of an event."""
    return (event.channel, event.source, event.medium, event.campaign, event.term, event.content)


NO_SESSION_VALUES = (bytes(16), "", "", "", "", "", "")
"""Session and traffic source of an event that belongs to no session: no visitor was present."""


def ends(event: Event) -> bool:
    """Whether an event is a sign-out or an explicit end; it still belongs to the session that it ends."""
    return is_end(event.type, event.name)


def is_end(kind: str, name: str) -> bool:
    """Whether events of a type and name are sign-outs or explicit ends."""
    return kind == "track" and name.lower() in _ENDINGS


def acts(event: Event) -> bool:
    """Whether an event is an action of the visitor."""
    return is_act(event.type, event.name)


def is_act(kind: str, name: str) -> bool:
    """Whether events of a type and name are actions of the visitor."""
    return name not in PASSIVE and kind in ("page", "screen", "track")


def continues(session: Session, event: Event) -> bool:
    """Whether an event at or after a session's end continues the session."""
    if of_another_user(session, event):
        return False
    return session.hinted or (not session.closed and event.timestamp - session.ended_at < GAP)


def of_another_user(session: Session, event: Event) -> bool:
    """Whether the event and the session have different known users."""
    return bool(session.user_id and event.user_id and session.user_id != event.user_id)


def begin(event: Event, session_id: bytes, hinted: bool = False) -> Session:
    """Return a session of one event."""
    at = event.timestamp
    is_page = event.type in ("page", "screen")
    page_at, host, path = (at, event.host, event.path) if is_page else (0, "", "")
    return Session(
        event.project_id,
        session_id,
        event.visitor_id,
        event.visitor_name,
        event.user_id,
        at,
        at,
        ends(event),
        1,
        int(acts(event)),
        int(is_page),
        page_at,
        host,
        path,
        page_at,
        path,
        event.referrer_host,
        event.channel,
        event.source,
        event.medium,
        event.campaign,
        event.term,
        event.content,
        event.device,
        event.browser,
        event.system,
        event.country,
        event.region,
        event.city,
        event.language,
        event.bot,
        hinted,
        0,
        event.identity,
    )


def extend(session: Session, event: Event) -> None:
    """Count an event into a session; events may come in any order."""
    at = event.timestamp
    session.events += 1
    session.acts += acts(event)
    if at < session.started_at:
        session.started_at = at
        _take_source_and_device(session, event)
    if session.hinted and at > session.ended_at:
        session.closed = False  # the client continues a session that it had ended: a tab came back
    if ends(event) and not (session.hinted and at < session.ended_at):
        session.closed = True
    session.ended_at = max(session.ended_at, at)
    if event.type in ("page", "screen"):
        if session.page_views == 0 or at < session.entry_at:
            session.entry_at, session.entry_host, session.entry_path = at, event.host, event.path
        if session.page_views == 0 or at >= session.exit_at:
            session.exit_at, session.exit_path = at, event.path
        session.page_views += 1
    if event.user_id:
        session.user_id, session.identity = event.user_id, event.identity
    # Of several reasons, keep the last by name, as for visitors, so that the order of events does not matter.
    session.bot = max(session.bot, event.bot)


def _take_source_and_device(session: Session, event: Event) -> None:
    session.referrer_host = event.referrer_host
    session.channel, session.source, session.medium = event.channel, event.source, event.medium
    session.campaign, session.term, session.content = event.campaign, event.term, event.content
    session.device, session.browser, session.system = event.device, event.browser, event.system
    session.country, session.region, session.city = event.country, event.region, event.city
    session.language = event.language
    if not session.user_id:
        session.identity = event.identity


def sessionize(events: Iterable[Event], hinted: bool = False) -> list[tuple[Session, list[Event]]]:
    """Split one visitor's events, in order of time, into sessions. The sessions' ids are left empty.

    Args:
        hinted: whether the client gives all of these events the same session name.
    """
    sessions: list[tuple[Session, list[Event]]] = []
    for event in events:
        if sessions and continues(sessions[-1][0], event):
            extend(sessions[-1][0], event)
            sessions[-1][1].append(event)
        else:
            sessions.append((begin(event, b"", hinted), [event]))
    return sessions


def session_of(session_id: bytes, events: list[Event]) -> Session:
    """Return the session with an id that has these events."""
    events = sorted(events, key=lambda event: event.timestamp)
    session = begin(events[0], session_id, hinted=True)
    for event in events[1:]:
        extend(session, event)
    return session


def stated_id(at: Millis, hint: str) -> UUID | None:
    """Return the client's own session id when it is a UUIDv7 of about an event's time."""
    stated = _as_uuid7(hint)
    return stated if stated is not None and abs((stated.int >> 80) - at) < _DAY else None


@lru_cache(maxsize=50_000)
def _as_uuid7(hint: str) -> UUID | None:
    try:
        stated = UUID(hint)
    except ValueError:
        return None
    return stated if stated.version == 7 else None


def hinted_id(event: Event, hint: str) -> bytes:
    """Return the id of the first session with the client's name `hint`, begun by an event.

    It is the `stated_id` itself, or else an id of the name's family.
    """
    if stated := stated_id(event.timestamp, hint):
        return stated.bytes
    return member_id(family_of(event.project_id, event.visitor_id, hint), event.timestamp)


def family(session_id: bytes) -> bytes:
    """Return the part of the id that a visitor's sessions with the same client's name share."""
    return session_id[9:]


def hinted_family(event: Event, hint: str) -> bytes:
    """Return the family of the sessions with the client's name `hint` in an event."""
    return named_family(event.project_id, event.visitor_id, event.timestamp, hint)


def named_family(project_id: bytes, visitor_id: str, at: Millis, hint: str) -> bytes:
    """Return the family of a visitor's sessions with the client's name `hint` in an event at a time."""
    if stated := stated_id(at, hint):
        return family(stated.bytes)
    return family_of(project_id, visitor_id, hint)


def family_of(project_id: bytes, visitor_id: str, hint: str) -> bytes:
    """Return the family of a visitor's sessions with a client's name that is not a `stated_id`."""
    return (_digest(project_id, visitor_id, hint) & _FAMILY).to_bytes(7)


def member_id(family_id: bytes, at: Millis) -> bytes:
    """Return the id of a family's session that starts at a time."""
    mark = xxhash.xxh3_64_intdigest(at.to_bytes(8) + family_id) << 56
    return uuid7(at, mark & _RANDOM | int.from_bytes(family_id))


def is_member_id(session_id: bytes) -> bool:
    """Whether an id is a `member_id`, which identifies one session; several sessions can share a `stated_id`."""
    return session_id == member_id(family(session_id), int.from_bytes(session_id[:6]))


def numbered_id(event: Event, turn: int) -> bytes:
    """Return an id for a session that starts with an event whose own id is taken."""
    return uuid7(event.timestamp, _digest(event.project_id, event.event_id.hex(), str(turn)))


def _digest(project_id: bytes, *parts: str) -> int:
    return int(xxhash.xxh3_128_intdigest(project_id + "\0".join(parts).encode())) & _RANDOM
