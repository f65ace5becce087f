"""Sessions recomputed from the stored events, after some events or sessions were lost."""

from __future__ import annotations

from trackway.enrich.session import Session, session_of
from trackway.enrich.visitor_sessions import Row
from trackway.event import Event, new_id
from trackway.statements import Statements
from trackway.store import arrow_blocks
from trackway.store.connection import Store
from trackway.store.history import objects
from trackway.store.lists import write_list

_AT_ONCE = 10_000
_sql = Statements(__name__)
Key = tuple[bytes, str, bytes]


def restate_sessions(store: Store, version: int) -> int:
    """Recompute each session that differs from its stored events, and remove sessions that have no events left.

    A session whose row exists keeps the mark that its client named it; without a row, the mark is lost. Counters that
    views fill change too and must be filled again (`refill`).

    Args:
        version: the version of the new rows; at least that of every stored row.

    Returns:
        The number of sessions that differed.
    """
    ids = store.ask(_sql("differing"))["session_id"].to_pylist()
    for start in range(0, len(ids), _AT_ONCE):
        _restate(store, [session_id.bytes for session_id in ids[start : start + _AT_ONCE]], version)
    return len(ids)


def _restate(store: Store, ids: list[bytes], version: int) -> None:
    listed = {"list": write_list(store, session_id=ids)}
    session_rows = store.ask(_sql("sessions", columns=Session.__struct_fields__), listed)
    event_rows = store.ask(_sql("events", columns=Event.__struct_fields__), listed)
    stored: dict[Key, Session] = {_key(session): session for session in objects(Session, session_rows)}
    events_by_key: dict[Key, list[Event]] = {}
    for event in objects(Event, event_rows):
        events_by_key.setdefault(_key(event), []).append(event)
    rows: list[Row] = []
    for session in stored.values():
        session.version = version
        rows.append(Row(session, None, True))
    for key, events in events_by_key.items():
        session = session_of(key[2], events)
        session.hinted = key in stored and stored[key].hinted
        session.version = version
        rows.append(Row(session, None, False))
    store.insert("sessions", arrow_blocks.sessions(rows), f"restated-{new_id()}")


def _key(row: Session | Event) -> Key:
    return row.project_id, row.visitor_id, row.session_id
