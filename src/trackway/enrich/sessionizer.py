"""Sessions of arriving events: in any order, in any batches, across restarts.

The sessions of the last hour are kept in memory. In-order events extend them. When a late event joins or splits
sessions or changes their source, they are recomputed from their stored events. The result is rows to write (a session's
new state, and what it adds to the counters) and stored events to move. See docs/decisions/0003-sessions.md.
"""

from __future__ import annotations

import copy
from bisect import insort
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain, count
from typing import NamedTuple, Protocol

from trackway.enrich.channel import traffic
from trackway.enrich.identity import Separated, Visitor
from trackway.enrich.session import (
    Session,
    again,
    begin,
    continues,
    ends,
    extend,
    family,
    hinted_family,
    hinted_id,
    member_id,
    of_another_user,
    sessionize,
    stated_id,
    traffic_of,
)
from trackway.event import GAP, Event, Millis

KEEP = 60 * 60_000
MAX_VISITORS = 200_000
LOOK_BACK = 7 * 86_400_000


class Row(NamedTuple):
    """A state of a session to write, before the next batch changes it.

    `before` is the state whose counts it replaces (None: the row adds its whole session to the counters). `gone` marks
    a session that no longer exists under this key; the row subtracts its counts.
    """

    session: Session
    before: Session | None
    gone: bool


class History(Protocol):
    """The stored sessions and events; read only for late events."""

    def sessions_of(self, visitors: list[Visitor], since: Millis, until: Millis) -> list[Session]:
        """Return the current rows of these visitors' sessions that started in [since, until]."""
        ...

    def events_of(self, sessions: list[Session]) -> list[Event]:
        """Return the stored events of these sessions."""
        ...


class Outcome(NamedTuple):
    """The effect of a batch on sessions: rows to write, and stored events whose session changed."""

    rows: list[Row]
    moved: list[Event]


class _Known:
    """One visitor's sessions in memory, in order of start.

    While a batch is processed, `before` holds the sessions that it touches as they were last written.
    """

    __slots__ = ("before", "sessions")

    def __init__(self) -> None:
        self.sessions: list[Session] = []
        self.before: dict[bytes, Session | None] = {}

    def add(self, session: Session) -> None:
        insort(self.sessions, session, key=lambda one: one.started_at)

    def start(self, session: Session) -> None:
        """Add a session that begins in this batch."""
        self.before[session.session_id] = None
        self.add(session)

    def extend(self, session: Session, event: Event) -> None:
        """Count an event into a known session."""
        if session.session_id not in self.before:
            self.before[session.session_id] = copy.copy(session)
        started_at = session.started_at
        extend(session, event)
        if session.started_at != started_at:
            self.sessions.sort(key=lambda one: one.started_at)

    def restore(self) -> None:
        """Restore the sessions as they were written before this batch."""
        untouched = [session for session in self.sessions if session.session_id not in self.before]
        old = [session for session in self.before.values() if session is not None]
        self.sessions = sorted(untouched + old, key=lambda one: one.started_at)
        self.before = {}


class _Late(NamedTuple):
    """A visitor whose late events change sessions.

    Attributes:
        known: the visitor's sessions in memory.
        hinted: the events of sessions that their client names, by the `family` of the session.
        first_ids: the id for the first session of each family.
        derived: the events of all other sessions.
        affected: the known sessions to recompute.
    """

    known: _Known
    hinted: dict[bytes, list[Event]]
    first_ids: dict[bytes, bytes]
    derived: list[Event]
    affected: list[Session]


class _Restate(Exception):
    """A late event changes more than the session that it belongs to."""


class Sessionizer:
    """Assigns events to sessions.

    Args:
        history: the store.
        complete_since: sessions that ended before this time may be missing from memory; None when none can be.
        recent: the stored sessions to start with, those that ended since then.
    """

    def __init__(self, history: History, complete_since: Millis | None, recent: list[Session]) -> None:
        self._history = history
        self._complete_since = complete_since
        self._visitors: dict[Visitor, _Known] = {}
        self._sweep_at = 20_000
        for session in recent:
            self._remember(session)

    def _remember(self, session: Session) -> None:
        known = self._visitors.setdefault((session.project_id, session.visitor_id), _Known())
        if all(session.session_id != one.session_id for one in known.sessions):
            known.add(session)

    def assign(self, batch: list[tuple[Event, str]], version: int) -> Outcome:
        """Assign each event to its session, in place, and return what has to be written.

        Args:
            batch: events with the client's name for their session, or "".
            version: the log offset behind the batch.
        """
        groups: dict[Visitor, list[tuple[Event, str]]] = {}
        for item in batch:
            groups.setdefault((item[0].project_id, item[0].visitor_id), []).append(item)
        self._look_up(groups)
        outcome = Outcome([], [])
        late: dict[Visitor, _Late] = {}
        for visitor, items in groups.items():
            items.sort(key=lambda item: item[0].timestamp)
            known = self._visitors.setdefault(visitor, _Known())
            if not _assign_visitor(known, items, version, outcome):
                late[visitor] = _late(known, items)
        if late:
            self._restate(late, version, outcome)
        if len(self._visitors) > self._sweep_at:
            self._sweep()
        return outcome

    def separate(self, separated: list[Separated]) -> None:
        """Change the identity of sessions in memory after late sign-outs."""
        for one in separated:
            known = self._visitors.get(one.visitor)
            for session in known.sessions if known else []:
                if not session.user_id and one.since < session.started_at <= one.until:
                    session.identity = one.identity

    def _look_up(self, groups: dict[Visitor, list[tuple[Event, str]]]) -> None:
        if self._complete_since is None:
            return
        late: list[Visitor] = []
        since, until = 2**62, 0
        for visitor, items in groups.items():
            for event, hint in items:
                if self._may_be_forgotten(visitor, event, hint):
                    late.append(visitor)
                    since = min(since, event.timestamp - LOOK_BACK)
                    until = max(until, event.timestamp + (LOOK_BACK if hint else GAP))
        if late:
            # Later sessions are in memory. Looking up to there leaves no gap, so that sessions that join are seen to
            # join.
            until = max(until, self._complete_since)
            for session in self._history.sessions_of(list(dict.fromkeys(late)), since, until):
                self._remember(session)

    def _may_be_forgotten(self, visitor: Visitor, event: Event, hint: str) -> bool:
        """Whether the session of an event may be stored and no longer in memory."""
        assert self._complete_since is not None
        if not hint:
            return event.timestamp - GAP < self._complete_since
        if stated := stated_id(event, hint):
            return min(stated.int >> 80, event.timestamp) < self._complete_since
        known = self._visitors.get(visitor)
        alike = _alike(known, hinted_family(event, hint)) if known else []
        # Among sessions with the same name, the later ones are forgotten last.
        return not alike or event.timestamp < alike[0].started_at

    def _restate(self, late: dict[Visitor, _Late], version: int, outcome: Outcome) -> None:
        """Recompute the sessions that late events touch, from their stored events and those of the batch."""
        affected = [session for one in late.values() for session in one.affected]
        was: dict[bytes, tuple[str | bytes, ...]] = {}
        for event in self._history.events_of(affected) if affected else []:
            was[event.event_id] = (event.session_id, *traffic_of(event))
            _own_traffic(event)
            one = late[event.project_id, event.visitor_id]
            one.hinted.get(family(event.session_id), one.derived).append(event)
        for one in late.values():
            _count_anew(one, was, version, outcome)

    def _sweep(self) -> None:
        """Forget visitors inactive for longer than KEEP and, when there are still too many, those inactive longest."""
        newest = {visitor: max(s.ended_at for s in known.sessions) for visitor, known in self._visitors.items()}
        cut = max(newest.values()) - KEEP
        recent = sorted(at for at in newest.values() if at >= cut)
        if len(recent) > MAX_VISITORS:
            cut = recent[-MAX_VISITORS // 2]
        for visitor, at in newest.items():
            if at < cut:
                del self._visitors[visitor]
                continue
            known = self._visitors[visitor]
            for session in [session for session in known.sessions if session.ended_at < cut]:
                known.sessions.remove(session)
        self._complete_since = max(cut, self._complete_since or cut)
        self._sweep_at = max(20_000, 2 * len(self._visitors))


def _assign_visitor(known: _Known, items: list[tuple[Event, str]], version: int, outcome: Outcome) -> bool:
    """Assign a visitor's events to sessions; return False, without changes, if other sessions change too."""
    placed: list[tuple[Event, Session]] = []
    try:
        for event, hint in items:
            placed.append((event, _place(known, event, hint)))
    except _Restate:
        known.restore()
        return False
    for event, session in placed:
        _give(event, session)
        if session.session_id in known.before:
            _write(session, known.before.pop(session.session_id), version, outcome)
    return True


def _late(known: _Known, items: list[tuple[Event, str]]) -> _Late:
    """Return what has to be recomputed because of these events of a visitor."""
    hinted: dict[bytes, list[Event]] = {}
    first_ids: dict[bytes, bytes] = {}
    derived: list[Event] = []
    for event, hint in items:
        events = derived
        if hint:
            of = hinted_family(event, hint)
            first_ids.setdefault(of, hinted_id(event, hint))
            events = hinted.setdefault(of, [])
        events.append(event)
    affected = [session for session in known.sessions if family(session.session_id) in hinted]
    affected += _neighbours([session for session in known.sessions if not session.hinted], derived)
    return _Late(known, hinted, first_ids, derived, affected)


def _count_anew(late: _Late, was: dict[bytes, tuple[str | bytes, ...]], version: int, outcome: Outcome) -> None:
    """Replace a visitor's affected sessions by the sessions recomputed from all their events.

    Args:
        was: the session and traffic of each stored event.
    """
    known = late.known
    before = {session.session_id: session for session in late.affected}
    others = [session for session in known.sessions if session.session_id not in before]
    taken = {session.session_id for session in others}
    fresh: list[tuple[Session, list[Event]]] = []
    for of, events in late.hinted.items():
        split = sessionize(sorted(events, key=lambda event: event.timestamp), hinted=True)
        known_before = any(family(session_id) == of for session_id in before)
        first = [] if known_before else [late.first_ids[of]]
        fresh += _named(split, taken, partial(_hinted_ids, first, of))
    derived = sessionize(sorted(late.derived, key=lambda event: event.timestamp))
    fresh += _named(derived, taken, _own_ids)
    known.sessions = others
    for session, events in fresh:
        known.add(session)
        _write(session, before.pop(session.session_id, None), version, outcome)
        for event in events:
            _give(event, session)
            if was.get(event.event_id, now := (event.session_id, *traffic_of(event))) != now:
                outcome.moved.append(event)
    for session in before.values():
        _retract(session, version, outcome)


def _write(session: Session, before: Session | None, version: int, outcome: Outcome) -> None:
    """Replace the written state of a session by its current state."""
    if before is not None and _counted_under(before) != _counted_under(session):
        _retract(before, version, outcome)
        before = None
    session.version = version
    outcome.rows.append(Row(session, before, False))


def _retract(before: Session, version: int, outcome: Outcome) -> None:
    before.version = version
    outcome.rows.append(Row(before, None, True))


def _counted_under(session: Session) -> tuple[int, int, str, str, str, str, str]:
    """Return the values in the store's keys and counters of a session; its other columns may change in place."""
    return (
        session.started_at, session.identity, session.channel, session.source, session.medium, session.campaign,
        session.bot,
    )  # fmt: skip


def _place(known: _Known, event: Event, hint: str) -> Session:
    """Return the session of one event, extended by it. Raises _Restate when other sessions change too."""
    if hint:
        return _place_hinted(known, event, hint)
    own = [session for session in known.sessions if not session.hinted]
    last = own[-1] if own else None
    if last is None or event.timestamp >= last.ended_at:
        if last is not None and continues(last, event):
            known.extend(last, event)
            return last
    else:
        at = event.timestamp
        touching = [session for session in own if session.started_at - GAP < at < session.ended_at + GAP]
        if touching:
            if len(touching) > 1 or not _simply_joins(touching[0], event):
                raise _Restate
            known.extend(touching[0], event)
            return touching[0]
    session = begin(event, event.event_id)  # a session without a client's name gets the id of its first event
    known.start(session)
    return session


def _place_hinted(known: _Known, event: Event, hint: str) -> Session:
    of = hinted_family(event, hint)
    alike = _alike(known, of)
    if not alike:
        session = begin(event, hinted_id(event, hint), hinted=True)
        known.start(session)
        return session
    last = alike[-1]
    if event.timestamp < last.started_at and (len(alike) > 1 or traffic_of(event) != last.traffic):
        raise _Restate
    if of_another_user(last, event):
        if event.timestamp < last.ended_at:
            raise _Restate
        taken = {session.session_id for session in known.sessions}
        free = (one for one in _hinted_ids([], of, event) if one not in taken)
        session = begin(event, next(free), hinted=True)
        known.start(session)
        return session
    known.extend(last, event)
    return last


def _alike(known: _Known, of: bytes) -> list[Session]:
    """Return the known sessions of a family, in order of start."""
    return [session for session in known.sessions if family(session.session_id) == of]


def _hinted_ids(first: list[bytes], of: bytes, event: Event) -> Iterable[bytes]:
    """Return ids of a family for a session that starts with an event; those in `first` come first."""
    return chain(first, (member_id(of, event.timestamp + turn) for turn in count()))


def _own_ids(event: Event) -> Iterable[bytes]:
    """Return ids for a session without a client's name that starts with an event."""
    return chain([event.event_id], (again(event, turn) for turn in count()))


def _simply_joins(session: Session, event: Event) -> bool:
    """Whether a late event near one session changes nothing but that session's counts."""
    if ends(event) or of_another_user(session, event):
        return False
    if event.timestamp < session.started_at:
        return traffic_of(event) == session.traffic
    return event.timestamp <= session.ended_at or not session.closed


def _neighbours(sessions: list[Session], events: list[Event]) -> list[Session]:
    """Return the sessions within a gap of the events, those within a gap of these sessions, and so on."""
    found: list[Session] = []
    spans = [(event.timestamp, event.timestamp) for event in events]
    while True:
        more = [
            session
            for session in sessions
            if session not in found
            and any(session.started_at - GAP < end and start < session.ended_at + GAP for start, end in spans)
        ]
        if not more:
            return found
        found += more
        spans = [(session.started_at, session.ended_at) for session in more]


def counted(session_id: bytes, events: list[Event]) -> tuple[Session, list[Event]]:
    """Compute the session with an id from its events; return it with the events in order."""
    events.sort(key=lambda event: event.timestamp)
    session = begin(events[0], session_id, hinted=True)
    for event in events[1:]:
        extend(session, event)
    return session, events


def _named(
    groups: list[tuple[Session, list[Event]]], taken: set[bytes], fresh: Callable[[Event], Iterable[bytes]]
) -> list[tuple[Session, list[Event]]]:
    """Give sessions ids: the oldest id of their events that is not taken, or a new one made from the first event.

    An event may have named a session that it later left, so a new id is one that no session of the visitor has.
    """
    for session, events in groups:
        had = sorted({event.session_id for event in events if event.session_id} - taken)
        session.session_id = next(name for name in chain(had, fresh(events[0])) if name not in taken)
        taken.add(session.session_id)
    return groups


def _give(event: Event, session: Session) -> None:
    event.session_id = session.session_id
    event.channel, event.source, event.medium = session.channel, session.source, session.medium
    event.campaign, event.term, event.content = session.campaign, session.term, session.content


def _own_traffic(event: Event) -> None:
    """Restore an event's own traffic source; the store has that of its session."""
    own = traffic(event.host, event.query, event.referrer)
    event.channel, event.source, event.medium = own.channel, own.source, own.medium
    event.campaign, event.term, event.content = own.campaign, own.term, own.content
