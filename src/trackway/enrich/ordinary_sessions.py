"""Sessions of ordinary visitors, by columns: a batch's events of a visitor are sorted, and split at gaps.

A visitor is ordinary in a batch whose events of the visitor come after those before, name all one session or none, end
none, and have at most one user. The others, and those of whom a session may be stored and forgotten, are left to the
sessionizer.
The rule is that of `trackway.enrich.session`; what it counts of each event is counted here of a run at once: the events
of a visitor without a gap between them.
"""

from __future__ import annotations

import copy

import msgspec
import numpy as np
import numpy.typing as npt

from trackway.enrich.columns import Columns
from trackway.enrich.identity import Visitor
from trackway.enrich.pipeline import Shown
from trackway.enrich.session import Session, begin, hinted_id, is_act, is_end, named_family, stated_id
from trackway.enrich.visitor_sessions import Outcome, VisitorSessions
from trackway.event import GAP, Millis

Indices = npt.NDArray[np.int64]
_NO_RUN = -1


class _Run(msgspec.Struct, gc=False):
    """Consecutive events of a visitor: the number of the visitor, and what the events add to a session.

    `first` is the row of the first event. `hint` is the client's name for the session
    (`trackway.enrich.pipeline.session_hint`). `user_id` and `identity` are those of an event with a user, if there is
    one. `entry` and `exit` are the first and the last page, with their times.
    """

    visitor: int
    first: int
    started_at: Millis
    ended_at: Millis
    events: int
    acts: int
    page_views: int
    bot: str
    hint: str
    user_id: str
    identity: int
    entry_at: Millis
    entry: Shown
    exit_at: Millis
    exit: Shown


def assign(
    columns: Columns,
    rows: Indices,
    version: int,
    visitors: dict[Visitor, VisitorSessions],
    complete_since: Millis | None,
    outcome: Outcome,
) -> tuple[Indices, list[Session], Indices]:
    """Assign the events of ordinary visitors to sessions.

    Args:
        rows: the events that belong to sessions.
        version: the log offset after the batch.
        visitors: the sessions in memory.
        complete_since: sessions that ended before may be missing in memory; None when none can be.
        outcome: receives the rows to write.

    Returns:
        for each event of the batch the place of its session in the list, or -1; the list; and the rows that are left.
    """
    places, sessions = np.full(len(columns), _NO_RUN, np.int64), list[Session]()
    if not len(rows):
        return places, sessions, rows
    order = np.lexsort((columns.times[rows], columns.groups["visitor"].places[rows]))
    rows = rows[order]
    runs, run_of, unusual = _runs(columns, rows)
    values = columns.groups["visitor"].values
    plan: list[tuple[int, Session | None]] = []
    of_visitor, taken = _NO_RUN, False
    for number, run in enumerate(runs):
        found: Session | None = None
        if run.visitor != of_visitor:
            of_visitor, taken = run.visitor, not unusual[number]
            if taken:
                visitor = values[run.visitor][2]
                taken, found = _continued(visitor, visitors.get(visitor, _NOTHING), run, complete_since)
        if taken:
            plan.append((number, found))
    new = columns.events(np.array([runs[number].first for number, found in plan if found is None], np.int64))
    beginnings = iter(new)
    session_of = np.full(len(runs), _NO_RUN, np.int64)
    for number, found in plan:
        run = runs[number]
        if found is None:
            event = next(beginnings)
            first_id = hinted_id(event, run.hint) if run.hint else event.event_id
            session, before = begin(event, first_id, bool(run.hint)), None
            session.events = session.acts = session.page_views = 0
            visitors.setdefault((event.project_id, event.visitor_id), VisitorSessions()).add(session)
        else:
            session, before = found, copy.copy(found)
        _extend(session, run)
        outcome.write(session, before, version)
        session_of[number] = len(sessions)
        sessions.append(session)
    places[rows] = session_of[run_of]
    return places, sessions, np.sort(rows[session_of[run_of] < 0])


def _runs(columns: Columns, rows: Indices) -> tuple[list[_Run], Indices, list[bool]]:
    """Return the runs of sorted events, the number of each event's run, and which runs are of unusual visitors."""
    size, times = len(rows), columns.times[rows]
    visitors = columns.groups["visitor"].places[rows]
    users, kinds, devices = columns.groups["user"], columns.groups["kind"], columns.groups["device"]
    new_visitor, new_run = np.ones(size, np.bool_), np.ones(size, np.bool_)
    new_visitor[1:] = visitors[1:] != visitors[:-1]
    hints = columns.hints.places[rows]
    hinted = columns.hints.holds(bool)[rows]
    new_run[1:] = new_visitor[1:] | (~hinted[1:] & (times[1:] - times[:-1] >= GAP))
    by_visitor, starts = np.flatnonzero(new_visitor), np.flatnonzero(new_run)
    visitor_of, run_of = np.cumsum(new_visitor) - 1, np.cumsum(new_run) - 1
    number = np.arange(size)
    named = users.holds(lambda user: bool(user[0]))[rows]
    user = users.places[rows].astype(np.int64)
    several_users = np.maximum.reduceat(np.where(named, user, -1), by_visitor) > np.minimum.reduceat(
        np.where(named, user, 2**62), by_visitor
    )
    several_hints = np.maximum.reduceat(hints, by_visitor) > np.minimum.reduceat(hints, by_visitor)
    ended = np.logical_or.reduceat(kinds.holds(lambda kind: is_end(*kind))[rows], by_visitor)
    unusual = (several_users | several_hints | ended)[visitor_of[starts]]
    is_page = kinds.holds(lambda kind: kind[0] in ("page", "screen"))[rows]
    acts = kinds.holds(lambda kind: is_act(*kind))[rows]
    bots = sorted({device[-1] for device in devices.values})
    rank = np.array([bots.index(device[-1]) for device in devices.values], np.int64)[devices.places[rows]]
    last = np.append(starts[1:], size) - 1
    entry = rows[np.minimum.reduceat(np.where(is_page, number, size - 1), starts)]
    exit_ = rows[np.maximum.reduceat(np.where(is_page, number, 0), starts)]
    with_user = rows[np.maximum.reduceat(np.where(named, number, starts[run_of]), starts)]
    pages = columns.groups["page"]
    runs = map(
        _Run,
        visitors[starts].tolist(),
        rows[starts].tolist(),
        times[starts].tolist(),
        times[last].tolist(),
        (last - starts + 1).tolist(),
        np.add.reduceat(acts.astype(np.int64), starts).tolist(),
        np.add.reduceat(is_page.astype(np.int64), starts).tolist(),
        [bots[place] for place in np.maximum.reduceat(rank, starts).tolist()],
        columns.hints.of_each(rows[starts]),
        [user_id for user_id, _ in users.of_each(with_user)],
        columns.identities[with_user].tolist(),
        columns.times[entry].tolist(),
        pages.of_each(entry),
        columns.times[exit_].tolist(),
        pages.of_each(exit_),
    )
    return list(runs), run_of, unusual.tolist()


_NOTHING = VisitorSessions()


def _continued(
    visitor: Visitor, memory: VisitorSessions, run: _Run, complete_since: Millis | None
) -> tuple[bool, Session | None]:
    """Return whether a visitor is ordinary, and the session that the visitor's first run continues.

    Args:
        memory: the visitor's sessions in memory.
    """
    if run.hint:
        return _continued_named(visitor, memory, run, complete_since)
    if complete_since is not None and run.started_at - GAP < complete_since:
        return False, None
    if not memory.sessions:
        return True, None
    last = memory.sessions[-1]
    if run.started_at < last.ended_at or any(session.hinted for session in memory.sessions):
        return False, None
    if last.closed or run.started_at - last.ended_at >= GAP:
        return True, None
    return not _is_of_another(run.user_id, last), last


def _continued_named(
    visitor: Visitor, memory: VisitorSessions, run: _Run, complete_since: Millis | None
) -> tuple[bool, Session | None]:
    """Return whether a visitor is ordinary, and the session that a run with a client's name continues."""
    stated = stated_id(run.started_at, run.hint)
    if stated != stated_id(run.ended_at, run.hint):
        return False, None
    if complete_since is not None and (
        min(stated.int >> 80, run.started_at) < complete_since if stated else not memory.sessions
    ):
        return False, None
    same_family = memory.of_family(named_family(*visitor, run.started_at, run.hint))
    if not same_family:
        return complete_since is None or stated is not None, None
    last = same_family[-1]
    return run.started_at >= last.ended_at and not _is_of_another(run.user_id, last), last


def _is_of_another(user: str, session: Session) -> bool:
    return bool(user and session.user_id and user != session.user_id)


def _extend(session: Session, run: _Run) -> None:
    """Count a run into a session that it continues; see `trackway.enrich.session.extend`."""
    session.events += run.events
    session.acts += run.acts
    if session.hinted and run.ended_at > session.ended_at:
        session.closed = False
    session.ended_at = run.ended_at
    if run.page_views:
        if session.page_views == 0:
            session.entry_at, session.entry_host, session.entry_path = run.entry_at, run.entry.host, run.entry.path
        session.exit_at, session.exit_path = run.exit_at, run.exit.path
        session.page_views += run.page_views
    if run.user_id:
        session.user_id, session.identity = run.user_id, run.identity
    session.bot = max(session.bot, run.bot)
