"""Sessions of arriving events: in any order, in any batches, across restarts.

The sessions of the last hour are kept in memory, and in-order events extend them (`visitor_sessions.py`). When a late
event joins or splits sessions or changes their source, they are recomputed from their stored events. The result is rows
to write (a session's new state, and what it adds to the counters) and stored events to move. See
docs/decisions/0003-sessions.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain, count
from typing import NamedTuple, Protocol

import numpy as np

from trackway.enrich import ordinary_sessions
from trackway.enrich.channel import traffic
from trackway.enrich.columns import Coded, Columns
from trackway.enrich.identity import Separated, Visitor
from trackway.enrich.pipeline import NO_SESSION
from trackway.enrich.session import (
    NO_SESSION_VALUES,
    Session,
    family,
    hinted_family,
    hinted_id,
    numbered_id,
    sessionize,
    stated_id,
    traffic_of,
)
from trackway.enrich.visitor_sessions import Outcome, VisitorSessions, assign_in_memory, ids_of_family, set_session
from trackway.event import GAP, Event, Millis

KEEP = 60 * 60_000
MAX_VISITORS = 200_000
LOOK_BACK = 7 * 86_400_000


class History(Protocol):
    """The stored sessions and events; read only for late events."""

    def sessions_of(self, visitors: list[Visitor], since: Millis, until: Millis) -> list[Session]:
        """Return the current rows of these visitors' sessions that started in [since, until]."""
        ...

    def events_of(self, sessions: list[Session]) -> list[Event]:
        """Return the stored events of these sessions."""
        ...


class _Late(NamedTuple):
    """A visitor whose late events change sessions.

    Attributes:
        memory: the visitor's sessions in memory.
        hinted: the events of sessions that their client names, by the `family` of the session.
        first_ids: the id for the first session of each family.
        unnamed_events: the events of all other sessions.
        affected: the sessions in memory to recompute.
    """

    memory: VisitorSessions
    hinted: dict[bytes, list[Event]]
    first_ids: dict[bytes, bytes]
    unnamed_events: list[Event]
    affected: list[Session]


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
        self._visitors: dict[Visitor, VisitorSessions] = {}
        self._sweep_at = 20_000
        for session in recent:
            self._remember(session)

    def _remember(self, session: Session) -> None:
        memory = self._visitors.setdefault((session.project_id, session.visitor_id), VisitorSessions())
        if all(session.session_id != other.session_id for other in memory.sessions):
            memory.add(session)

    def assign_columns(self, columns: Columns, version: int) -> Outcome:
        """Give a batch its group `session`, and return what has to be written.

        Args:
            columns: the batch; its identities are set.
            version: the log offset after the batch.
        """
        rows = np.flatnonzero(~columns.hints.holds(lambda hint: hint == NO_SESSION))
        outcome = Outcome([], [])
        places, sessions, left = ordinary_sessions.assign(
            columns, rows, version, self._visitors, self._complete_since, outcome
        )
        events = columns.events(left)
        others = self.assign(list(zip(events, columns.hints.of_each(left), strict=True)), version)
        places[left] = np.arange(len(sessions), len(sessions) + len(left))
        values = [(session.session_id, *session.traffic) for session in sessions]
        values += [(event.session_id, *traffic_of(event)) for event in events]
        places[places < 0] = len(values)
        columns.groups["session"] = Coded([*values, NO_SESSION_VALUES], places.astype(np.int32))
        return Outcome(outcome.rows + others.rows, others.moved)

    def assign(self, batch: list[tuple[Event, str]], version: int) -> Outcome:
        """Assign each event to its session, in place, and return what has to be written.

        Args:
            batch: events with the client's name for their session, or "".
            version: the log offset after the batch.
        """
        groups: dict[Visitor, list[tuple[Event, str]]] = {}
        for item in batch:
            groups.setdefault((item[0].project_id, item[0].visitor_id), []).append(item)
        self._look_up(groups)
        outcome = Outcome([], [])
        late: dict[Visitor, _Late] = {}
        for visitor, items in groups.items():
            items.sort(key=lambda item: item[0].timestamp)
            memory = self._visitors.setdefault(visitor, VisitorSessions())
            if not assign_in_memory(memory, items, version, outcome):
                late[visitor] = _late(memory, items)
        if late:
            self._recompute(late, version, outcome)
        if len(self._visitors) > self._sweep_at:
            self._sweep()
        return outcome

    def separate(self, separated: list[Separated]) -> None:
        """Change the identity of sessions in memory after late sign-outs."""
        for stretch in separated:
            memory = self._visitors.get(stretch.visitor)
            for session in memory.sessions if memory else []:
                if not session.user_id and stretch.since < session.started_at <= stretch.until:
                    session.identity = stretch.identity

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
            # Later sessions are in memory. Looking up to there leaves no gap, so that no two sessions that an event
            # joins are missed.
            until = max(until, self._complete_since)
            for session in self._history.sessions_of(list(dict.fromkeys(late)), since, until):
                self._remember(session)

    def _may_be_forgotten(self, visitor: Visitor, event: Event, hint: str) -> bool:
        """Whether the session of an event may be stored and no longer in memory."""
        assert self._complete_since is not None
        if not hint:
            return event.timestamp - GAP < self._complete_since
        if stated := stated_id(event.timestamp, hint):
            return min(stated.int >> 80, event.timestamp) < self._complete_since
        memory = self._visitors.get(visitor)
        same_family = memory.of_family(hinted_family(event, hint)) if memory else []
        # Among sessions with the same name, the later ones are forgotten last.
        return not same_family or event.timestamp < same_family[0].started_at

    def _recompute(self, late: dict[Visitor, _Late], version: int, outcome: Outcome) -> None:
        """Recompute the sessions that late events touch, from their stored events and those of the batch."""
        affected = [session for of_visitor in late.values() for session in of_visitor.affected]
        stored: dict[bytes, tuple[str | bytes, ...]] = {}
        for event in self._history.events_of(affected) if affected else []:
            stored[event.event_id] = (event.session_id, *traffic_of(event))
            _restore_own_traffic(event)
            of_visitor = late[event.project_id, event.visitor_id]
            of_visitor.hinted.get(family(event.session_id), of_visitor.unnamed_events).append(event)
        for of_visitor in late.values():
            _recompute_visitor(of_visitor, stored, version, outcome)

    def _sweep(self) -> None:
        """Forget visitors inactive for longer than KEEP and, when there are still too many, those inactive longest."""
        newest = {
            visitor: max(session.ended_at for session in memory.sessions) for visitor, memory in self._visitors.items()
        }
        cut = max(newest.values()) - KEEP
        recent = sorted(at for at in newest.values() if at >= cut)
        if len(recent) > MAX_VISITORS:
            cut = recent[-MAX_VISITORS // 2]
        for visitor, at in newest.items():
            if at < cut:
                del self._visitors[visitor]
                continue
            memory = self._visitors[visitor]
            for session in [session for session in memory.sessions if session.ended_at < cut]:
                memory.sessions.remove(session)
        self._complete_since = max(cut, self._complete_since or cut)
        self._sweep_at = max(20_000, 2 * len(self._visitors))


def _late(memory: VisitorSessions, items: list[tuple[Event, str]]) -> _Late:
    """Return what has to be recomputed because of these events of a visitor."""
    hinted: dict[bytes, list[Event]] = {}
    first_ids: dict[bytes, bytes] = {}
    unnamed_events: list[Event] = []
    for event, hint in items:
        events = unnamed_events
        if hint:
            family_id = hinted_family(event, hint)
            first_ids.setdefault(family_id, hinted_id(event, hint))
            events = hinted.setdefault(family_id, [])
        events.append(event)
    affected = [session for session in memory.sessions if family(session.session_id) in hinted]
    affected += _neighbours([session for session in memory.sessions if not session.hinted], unnamed_events)
    return _Late(memory, hinted, first_ids, unnamed_events, affected)


def _recompute_visitor(
    late: _Late, stored: dict[bytes, tuple[str | bytes, ...]], version: int, outcome: Outcome
) -> None:
    """Replace a visitor's affected sessions by the sessions recomputed from all their events.

    Args:
        stored: the session and traffic of each stored event.
    """
    memory = late.memory
    before = {session.session_id: session for session in late.affected}
    others = [session for session in memory.sessions if session.session_id not in before]
    taken = {session.session_id for session in others}
    recomputed: list[tuple[Session, list[Event]]] = []
    for family_id, events in late.hinted.items():
        split = sessionize(sorted(events, key=lambda event: event.timestamp), hinted=True)
        known_before = any(family(session_id) == family_id for session_id in before)
        first = [] if known_before else [late.first_ids[family_id]]
        recomputed += _with_ids(split, taken, partial(ids_of_family, first, family_id))
    unnamed = sessionize(sorted(late.unnamed_events, key=lambda event: event.timestamp))
    recomputed += _with_ids(unnamed, taken, _own_ids)
    memory.sessions = others
    for session, events in recomputed:
        memory.add(session)
        outcome.write(session, before.pop(session.session_id, None), version)
        for event in events:
            set_session(event, session)
            if stored.get(event.event_id, now := (event.session_id, *traffic_of(event))) != now:
                outcome.moved.append(event)
    for session in before.values():
        outcome.retract(session, version)


def _neighbours(sessions: list[Session], events: list[Event]) -> list[Session]:
    """Return the sessions within a gap of the events, those within a gap of these sessions, and so on."""
    neighbours: list[Session] = []
    spans = [(event.timestamp, event.timestamp) for event in events]
    while True:
        more = [
            session
            for session in sessions
            if session not in neighbours
            and any(session.started_at - GAP < end and start < session.ended_at + GAP for start, end in spans)
        ]
        if not more:
            return neighbours
        neighbours += more
        spans = [(session.started_at, session.ended_at) for session in more]


def _with_ids(
    sessions: list[tuple[Session, list[Event]]], taken: set[bytes], new_ids: Callable[[Event], Iterable[bytes]]
) -> list[tuple[Session, list[Event]]]:
    """Give sessions ids: the oldest id of their events that is not taken, or a new one made from the first event.

    An event may have named a session that it later left, so a new id is one that no session of the visitor has.
    """
    for session, events in sessions:
        earlier = sorted({event.session_id for event in events if event.session_id} - taken)
        candidates = chain(earlier, new_ids(events[0]))
        session.session_id = next(session_id for session_id in candidates if session_id not in taken)
        taken.add(session.session_id)
    return sessions


def _own_ids(event: Event) -> Iterable[bytes]:
    """Return ids for a session without a client's name that starts with an event."""
    return chain([event.event_id], (numbered_id(event, turn) for turn in count()))


def _restore_own_traffic(event: Event) -> None:
    """Restore an event's own traffic source; the store has that of its session."""
    own = traffic(event.host, event.query, event.referrer)
    event.channel, event.source, event.medium = own.channel, own.source, own.medium
    event.campaign, event.term, event.content = own.campaign, own.term, own.content
