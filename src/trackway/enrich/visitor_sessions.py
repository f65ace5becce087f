"""One visitor's sessions in memory: events extend them, and begin new ones.

An event that joins or splits sessions, or changes their source, is refused (`OtherSessionsChange`); the sessionizer
then recomputes the sessions from their stored events.
"""

from __future__ import annotations

import copy
from bisect import insort
from collections.abc import Iterable
from itertools import chain, count
from typing import NamedTuple

from trackway.enrich.session import (
    Session,
    begin,
    continues,
    ends,
    extend,
    family,
    hinted_family,
    hinted_id,
    member_id,
    of_another_user,
    traffic_of,
)
from trackway.event import GAP, Event


class Row(NamedTuple):
    """A state of a session to write, before the next batch changes it.

    `before` is the state whose counts it replaces (None: the row adds its whole session to the counters). `gone` marks
    a session that no longer exists under this key; the row subtracts its counts.
    """

    session: Session
    before: Session | None
    gone: bool


class Outcome(NamedTuple):
    """The effect of a batch on sessions: rows to write, and stored events whose session changed."""

    rows: list[Row]
    moved: list[Event]

    def write(self, session: Session, before: Session | None, version: int) -> None:
        """Replace the written state of a session by its current state."""
        if before is not None and not _counted_alike(before, session):
            self.retract(before, version)
            before = None
        session.version = version
        self.rows.append(Row(session, before, False))

    def retract(self, before: Session, version: int) -> None:
        """Remove the written state of a session."""
        before.version = version
        self.rows.append(Row(before, None, True))


class OtherSessionsChange(Exception):
    """A late event changes more than the session that it belongs to."""


class VisitorSessions:
    """One visitor's sessions in memory, in order of start.

    While a batch is processed, `before` holds the sessions that it touches as they were last written.
    """

    __slots__ = ("before", "sessions")

    def __init__(self) -> None:
        self.sessions: list[Session] = []
        self.before: dict[bytes, Session | None] = {}

    def add(self, session: Session) -> None:
        """Add a session."""
        insort(self.sessions, session, key=_started_at)

    def start(self, session: Session) -> None:
        """Add a session that begins in this batch."""
        self.before[session.session_id] = None
        self.add(session)

    def extend(self, session: Session, event: Event) -> None:
        """Count an event into a session in memory."""
        if session.session_id not in self.before:
            self.before[session.session_id] = copy.copy(session)
        started_at = session.started_at
        extend(session, event)
        if session.started_at != started_at:
            self.sessions.sort(key=_started_at)

    def restore(self) -> None:
        """Restore the sessions as they were written before this batch."""
        untouched = [session for session in self.sessions if session.session_id not in self.before]
        old = [session for session in self.before.values() if session is not None]
        self.sessions = sorted(untouched + old, key=_started_at)
        self.before = {}

    def of_family(self, family_id: bytes) -> list[Session]:
        """Return the sessions of a family, in order of start."""
        return [session for session in self.sessions if family(session.session_id) == family_id]


def _started_at(session: Session) -> int:
    return session.started_at


def assign_in_memory(memory: VisitorSessions, items: list[tuple[Event, str]], version: int, outcome: Outcome) -> bool:
    """Assign a visitor's events to sessions; return False, without changes, if other sessions change too.

    Args:
        items: events with the client's name for their session, or "".
        version: the log offset after the batch.
    """
    placed: list[tuple[Event, Session]] = []
    try:
        for event, hint in items:
            placed.append((event, _place(memory, event, hint)))
    except OtherSessionsChange:
        memory.restore()
        return False
    for event, session in placed:
        set_session(event, session)
        if session.session_id in memory.before:
            outcome.write(session, memory.before.pop(session.session_id), version)
    return True


def _place(memory: VisitorSessions, event: Event, hint: str) -> Session:
    """Return the session of one event, extended by it. Raises OtherSessionsChange."""
    if hint:
        return _place_hinted(memory, event, hint)
    own = [session for session in memory.sessions if not session.hinted]
    last = own[-1] if own else None
    if last is None or event.timestamp >= last.ended_at:
        if last is not None and continues(last, event):
            memory.extend(last, event)
            return last
    else:
        at = event.timestamp
        touching = [session for session in own if session.started_at - GAP < at < session.ended_at + GAP]
        if touching:
            if len(touching) > 1 or not _changes_only(touching[0], event):
                raise OtherSessionsChange
            memory.extend(touching[0], event)
            return touching[0]
    session = begin(event, event.event_id)  # a session without a client's name gets the id of its first event
    memory.start(session)
    return session


def _place_hinted(memory: VisitorSessions, event: Event, hint: str) -> Session:
    family_id = hinted_family(event, hint)
    same_family = memory.of_family(family_id)
    if not same_family:
        session = begin(event, hinted_id(event, hint), hinted=True)
        memory.start(session)
        return session
    last = same_family[-1]
    if event.timestamp < last.started_at and (len(same_family) > 1 or traffic_of(event) != last.traffic):
        raise OtherSessionsChange
    if of_another_user(last, event):
        if event.timestamp < last.ended_at:
            raise OtherSessionsChange
        taken = {session.session_id for session in memory.sessions}
        free = (session_id for session_id in ids_of_family([], family_id, event) if session_id not in taken)
        session = begin(event, next(free), hinted=True)
        memory.start(session)
        return session
    memory.extend(last, event)
    return last


def ids_of_family(first: list[bytes], family_id: bytes, event: Event) -> Iterable[bytes]:
    """Return ids of a family for a session that starts with an event; those in `first` come first."""
    return chain(first, (member_id(family_id, event.timestamp + turn) for turn in count()))


def set_session(event: Event, session: Session) -> None:
    """Set the session of an event, and the traffic source that the session has."""
    event.session_id = session.session_id
    event.channel, event.source, event.medium = session.channel, session.source, session.medium
    event.campaign, event.term, event.content = session.campaign, session.term, session.content


def _changes_only(session: Session, event: Event) -> bool:
    """Whether a late event near one session changes nothing but that session's counts."""
    if ends(event) or of_another_user(session, event):
        return False
    if event.timestamp < session.started_at:
        return traffic_of(event) == session.traffic
    return event.timestamp <= session.ended_at or not session.closed


def _counted_alike(one: Session, other: Session) -> bool:
    """Whether two states of a session agree in the store's keys and counters; other columns may change in place."""
    return (
        one.identity == other.identity
        and one.started_at == other.started_at
        and one.bot == other.bot
        and one.channel == other.channel
        and one.source == other.source
        and one.medium == other.medium
        and one.campaign == other.campaign
    )
