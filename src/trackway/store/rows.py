"""Lists of events, sessions and rejections as Arrow streams, ready for the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from trackway.enrich.session import Session
from trackway.event import Arrival, Event, Rejection

_UUID = pa.binary(16)
_TIME = pa.timestamp("ms", "UTC")
_SPECIAL = {
    **dict.fromkeys(("project_id", "event_id", "session_id"), _UUID),
    **dict.fromkeys(("timestamp", "received_at", "started_at", "ended_at", "entry_at", "exit_at"), _TIME),
    **dict.fromkeys(("closed", "hinted"), pa.bool_()),
    **dict.fromkeys(("events", "page_views"), pa.uint32()),
    "screen_width": pa.uint16(),
    "revenue": pa.decimal128(18, 4),
    "version": pa.uint64(),
    "sign": pa.int8(),
}

EVENT_COLUMNS = list(Event.__struct_fields__)
SESSION_COLUMNS = [*Session.__struct_fields__, "sign"]
REJECTION_COLUMNS = ["project_id", "received_at", "message_id", "field", "reason", "body"]
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


def _stream(columns: list[str], arrays: list[Any]) -> bytes:
    batch = pa.record_batch(arrays, names=columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=_OPTIONS) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def _array(name: str, values: list[Any]) -> Any:
    return pa.array(values, _SPECIAL.get(name, pa.string()))


def events(rows: Sequence[Event]) -> bytes:
    """The stream for the events table."""
    return _stream(EVENT_COLUMNS, [_array(name, [getattr(row, name) for row in rows]) for name in EVENT_COLUMNS])


def sessions(rows: Sequence[tuple[int, Session]]) -> bytes:
    """The stream for the sessions table, from (sign, session) pairs."""
    arrays = [_array(name, [getattr(row, name) for _, row in rows]) for name in Session.__struct_fields__]
    return _stream(SESSION_COLUMNS, [*arrays, _array("sign", [sign for sign, _ in rows])])


def rejections(rows: Sequence[tuple[Arrival, Rejection]]) -> bytes:
    """The stream for the rejections table."""
    values = [
        (arrival.project_id, arrival.received_at, one.message_id, one.field, one.reason, one.body)
        for arrival, one in rows
    ]
    columns: list[Any] = [list(column) for column in zip(*values, strict=True)]
    return _stream(
        REJECTION_COLUMNS, [_array(name, column) for name, column in zip(REJECTION_COLUMNS, columns, strict=True)]
    )
