"""Sessions recomputed from the stored events, after some events or sessions were lost."""

from __future__ import annotations

from uuid import UUID

from trackway.enrich.session import Session
from trackway.enrich.sessionizer import Row, counted
from trackway.event import Event, new_id
from trackway.store import arrow_blocks
from trackway.store.connection import Store
from trackway.store.history import EVENTS, SESSIONS, objects
from trackway.store.lists import listed, write_list

_AT_ONCE = 10_000
_DIFFERING = f"""
SELECT session_id FROM
(
    SELECT project_id, visitor_id, session_id, count() AS there, 0 AS said FROM events
    WHERE session_id != toUUID('{UUID(int=0)}') GROUP BY project_id, visitor_id, session_id
    UNION ALL
    SELECT project_id, visitor_id, session_id, 0 AS there, events AS said FROM sessions FINAL WHERE NOT gone
)
GROUP BY project_id, visitor_id, session_id HAVING sum(there) != sum(said)
"""
_OF_THEM = f"session_id IN {listed('session_id')}"
Key = tuple[bytes, str, bytes]


def restate_sessions(store: Store, version: int) -> int:
    """Recompute each session that differs from its stored events, and remove sessions that have no events left.

    A session whose row exists keeps the mark that its client named it; without a row, the mark is lost. Counters behind
    views change too and must be filled again (`refill`).

    Args:
        version: the version of the new rows; at least that of every stored row.

    Returns:
        The number of sessions that differed.
    """
    ids = store.ask(_DIFFERING)["session_id"].to_pylist()
    for start in range(0, len(ids), _AT_ONCE):
        _restate(store, [one.bytes for one in ids[start : start + _AT_ONCE]], version)
    return len(ids)


def _restate(store: Store, ids: list[bytes], version: int) -> None:
    them = {"list": write_list(store, session_id=ids)}
    said = store.ask(f"SELECT {SESSIONS} FROM sessions FINAL WHERE NOT gone AND {_OF_THEM}", them)
    before: dict[Key, Session] = {_key(one): one for one in objects(Session, said)}
    there: dict[Key, list[Event]] = {}
    for event in objects(Event, store.ask(f"SELECT {EVENTS} FROM events WHERE {_OF_THEM}", them)):
        there.setdefault(_key(event), []).append(event)
    written: list[Row] = []
    for old in before.values():
        old.version = version
        written.append(Row(old, None, True))
    for key, events in there.items():
        session, _ = counted(key[2], events)
        session.hinted = key in before and before[key].hinted
        session.version = version
        written.append(Row(session, None, False))
    store.insert("sessions", arrow_blocks.sessions(written), f"restated-{new_id()}")


def _key(row: Session | Event) -> Key:
    return row.project_id, row.visitor_id, row.session_id
