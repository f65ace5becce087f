"""Stored events that late events move to another session: one update for each batch, however many events move."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pyarrow as pa

from trackway.enrich.session import traffic_of
from trackway.event import Event, Millis
from trackway.store.connection import Store, as_block

_TRAFFIC = ("channel", "source", "medium", "campaign", "term", "content")
_UUID, _TIME = pa.binary(16), pa.timestamp("ms", "UTC")
_NEW = ", ".join(f"{name} = joinGet('moves', '{name}', project_id, event_id)" for name in ("session_id", *_TRAFFIC))
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
    found: dict[tuple[bytes, bytes], Moved] = {}
    for event in events:
        at = event.timestamp
        key = (event.project_id, event.session_id)
        move = found.setdefault(key, Moved(event.project_id, event.session_id, traffic_of(event), at, at, []))
        move.event_ids.append(event.event_id)
        move.since, move.until = min(move.since, at), max(move.until, at)
    return list(found.values())


def move(store: Store, moved: list[Moved], token: str) -> None:
    """Give stored events their new sessions. Repeating it changes nothing.

    Raises:
        QuestionFailed: the engine refused it; nothing is lost, do it again.
    """
    if not moved:
        return
    store.command(
        f"UPDATE events SET {_NEW} WHERE {whole('moves')} AND project_id IN (SELECT project_id FROM moves) "
        "AND timestamp IN (SELECT at FROM moves) "
        "AND (project_id, event_id) IN (SELECT project_id, event_id FROM moves)",
        rewrite(store, "moves", _rows(moved), token),
    )


def whole(table: str) -> str:
    """Return a condition that fails when a server restart has emptied a table in memory that `rewrite` filled."""
    return f"(SELECT throwIf(count() != {{rows:UInt64}}, '{table} was emptied') FROM {table}) = 0"


def rewrite(store: Store, table: str, rows: pa.Table, token: str) -> dict[str, int]:
    """Replace the rows of a table in the engine's memory; return the parameters of `whole`."""
    store.command(f"TRUNCATE TABLE {table}")
    store.insert(table, as_block(rows), token)
    return {"rows": rows.num_rows}


def settle(store: Store) -> list[str]:
    """Make the engine write updates into the parts that they change, in the background; return the names of the tables.

    Until then, reads apply the updates and cannot use the parts' skip indexes. Merges write the updates of young parts
    too; old parts may never be merged again.
    """
    waiting = store.ask(
        "SELECT DISTINCT table FROM system.parts WHERE active AND database = currentDatabase() "
        "AND startsWith(partition_id, 'patch-') AND table NOT IN "
        "(SELECT table FROM system.mutations WHERE database = currentDatabase() AND NOT is_done) ORDER BY table"
    )
    tables: Sequence[str] = [table for table in waiting["table"].to_pylist() if table in PATCHED]
    for table in tables:
        store.command(f"ALTER TABLE {table} APPLY PATCHES SETTINGS mutations_sync = 0")
    return list(tables)


def _rows(moved: list[Moved]) -> pa.Table:
    each = [(one, event_id) for one in moved for event_id in one.event_ids]
    return pa.table(
        {
            "project_id": pa.array([one.project_id for one, _ in each], _UUID),
            "event_id": pa.array([event_id for _, event_id in each], _UUID),
            "at": pa.array([int.from_bytes(event_id[:6]) for _, event_id in each], _TIME),
            "session_id": pa.array([one.session_id for one, _ in each], _UUID),
            **{name: pa.array([one.traffic[n] for one, _ in each], pa.string()) for n, name in enumerate(_TRAFFIC)},
        }
    )
