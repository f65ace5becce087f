"""Stored events that late events move to another session: one update for each batch, however many events move."""

from __future__ import annotations

import msgspec
import pyarrow as pa

from trackway.enrich.session import traffic_of
from trackway.event import Event, Millis
from trackway.statements import Statements
from trackway.store.connection import Store, as_block

_sql = Statements(__name__)

_TRAFFIC = ("channel", "source", "medium", "campaign", "term", "content")
_UUID, _TIME = pa.binary(16), pa.timestamp("ms", "UTC")
PATCHED = ("events", "sessions")
"""The tables that late events change."""


class Moved(msgspec.Struct, array_like=True):
    """Stored events that belong to another session than before, or whose session has another source.

    `since` and `until` are the times of the first and the last event. The time of each event is in its id, a UUIDv7.
    """

    project_id: bytes
    session_id: bytes
    traffic: tuple[str, str, str, str, str, str]
    since: Millis
    until: Millis
    event_ids: list[bytes]


def moves(events: list[Event]) -> list[Moved]:
    """Group moved events by the session they move to."""
    by_session: dict[tuple[bytes, bytes], Moved] = {}
    for event in events:
        at = event.timestamp
        key = (event.project_id, event.session_id)
        move = by_session.setdefault(key, Moved(event.project_id, event.session_id, traffic_of(event), at, at, []))
        move.event_ids.append(event.event_id)
        move.since, move.until = min(move.since, at), max(move.until, at)
    return list(by_session.values())


def move(store: Store, moved: list[Moved], token: str) -> None:
    """Give stored events their new sessions. Repeating it changes nothing.

    Raises:
        QuestionFailed: the engine refused a statement; call again with the same token.
    """
    if not moved:
        return
    table = scratch(store, "moves")
    store.everywhere(
        _sql("move", columns=("session_id", *_TRAFFIC), table=table), rewrite(store, table, _rows(moved), token)
    )


def scratch(store: Store, table: str) -> str:
    """Return the name of a table in the engine's memory that one loader rewrites for each batch: with several loaders,
    each has its own.
    """
    return f"{table}{store.scratch}"


def rewrite(store: Store, table: str, rows: pa.Table, token: str) -> dict[str, int]:
    """Replace the rows of a table in the engine's memory; return the parameters of the SQL macro `whole`."""
    store.on_every_server(lambda server: server.command(f"TRUNCATE TABLE {table}"))
    store.insert(table, as_block(rows), token)
    return {"rows": rows.num_rows}


def settle(store: Store) -> list[str]:
    """Make the engine write updates into the parts that they change, in the background; return the names of the tables.

    Until then, reads apply the updates and cannot use the parts' skip indexes. Merges write the updates of young parts
    too; old parts may never be merged again.
    """
    waiting = {name for shard in store.each for name in shard.ask(_sql("settle"))["table"].to_pylist()}
    tables = [table for table in PATCHED if table in waiting]
    for table in tables:
        store.everywhere(f"ALTER TABLE {table} APPLY PATCHES SETTINGS mutations_sync = 0")
    return tables


def _rows(moved: list[Moved]) -> pa.Table:
    rows = [(move, event_id) for move in moved for event_id in move.event_ids]
    return pa.table(
        {
            "project_id": pa.array([move.project_id for move, _ in rows], _UUID),
            "event_id": pa.array([event_id for _, event_id in rows], _UUID),
            "at": pa.array([int.from_bytes(event_id[:6]) for _, event_id in rows], _TIME),
            "session_id": pa.array([move.session_id for move, _ in rows], _UUID),
            **{name: pa.array([move.traffic[n] for move, _ in rows], pa.string()) for n, name in enumerate(_TRAFFIC)},
        }
    )
