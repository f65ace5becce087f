"""Arrow streams of events, sessions and other rows, ready for the engine."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa
from msgspec.structs import astuple

from trackway.enrich.columns import Columns, Places
from trackway.enrich.identity import Merge
from trackway.enrich.orders import Order
from trackway.enrich.session import Session
from trackway.enrich.visitor_sessions import Row
from trackway.event import Arrival, Event, Rejection, Violation
from trackway.store.dead_letters import DeadLetter

_UUID = pa.binary(16)
_TIME = pa.timestamp("ms", "UTC")
_SPECIAL = {
    **dict.fromkeys(("project_id", "event_id", "session_id", "told_by"), _UUID),
    **dict.fromkeys(
        (
            "timestamp",
            "received_at",
            "started_at",
            "ended_at",
            "entry_at",
            "exit_at",
            "at",
            "placed_at",
            "stated_at",
            "cancelled_at",
            "named_at",
            "refunded_at",
            "priced_at",
        ),
        _TIME,
    ),
    **dict.fromkeys(("closed", "hinted", "rejected", "refunded_whole", "gone"), pa.bool_()),
    **dict.fromkeys(("events", "acts", "page_views", "line"), pa.uint32()),
    **dict.fromkeys(("changes_events", "changes_page_views"), pa.int32()),
    **dict.fromkeys(("changes_sessions", "changes_bounces"), pa.int8()),
    "changes_duration_ms": pa.int64(),
    "screen_width": pa.uint16(),
    **dict.fromkeys(("revenue", "amount", "refunds", "stated_refund"), pa.decimal128(18, 4)),
    **dict.fromkeys(("version", "identity", "person", "token", "number"), pa.uint64()),
}
_CHANGES = (
    "changes_sessions",
    "changes_bounces",
    "changes_events",
    "changes_page_views",
    "changes_duration_ms",
)

EVENT_COLUMNS = list(Event.__struct_fields__)
SESSION_COLUMNS = [*Session.__struct_fields__, "gone", *_CHANGES]
VIOLATION_COLUMNS = ["project_id", "received_at", *Violation.__struct_fields__]
REJECTION_COLUMNS = ["project_id", "received_at", "message_id", "field", "reason", "body", "line", "text"]
CLAIM_COLUMNS = ["project_id", "identity", "person", "visitor_id", "user_id", "at"]
ALIAS_COLUMNS = ["project_id", "identity", "person", "previous_id", "user_id", "at"]
IDENTITY_COLUMNS = ["token", "number"]
ORDER_COLUMNS = list(Order.__struct_fields__)
DEAD_LETTER_COLUMNS = list(DeadLetter.__struct_fields__)
SIGN_OUT_COLUMNS = ["project_id", "visitor_id", "at"]
_AT_ONCE = 250
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


def _stream(columns: list[str], rows: Iterable[tuple[Any, ...]]) -> bytes:
    """Return rows as a stream; they are turned into columns in parts, because each holds the interpreter's lock."""
    lists: list[list[Any]] = [[] for _ in columns]
    waiting = iter(rows)
    while part := list(islice(waiting, _AT_ONCE)):
        for values, more in zip(lists, zip(*part, strict=True), strict=True):
            values += more
    return _written(columns, [_array(name, values) for name, values in zip(columns, lists, strict=True)])


def _written(columns: list[str], arrays: list[Any]) -> bytes:
    batch = pa.record_batch(arrays, names=columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=_OPTIONS) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def _array(name: str, values: Sequence[Any]) -> Any:
    """Return a column as an array.

    A column with a single value, as half of them are in most batches, is built without converting each value.
    """
    kind = _SPECIAL.get(name, pa.string())
    first, size = values[0], len(values)
    if first == values[-1] == values[size // 2] and values.count(first) == size:
        return pa.repeat(pa.scalar(first, kind), size)
    return pa.array(values, kind)


def events(columns: Columns) -> bytes:
    """Return the stream for the events table."""
    size = len(columns)
    arrays: dict[str, Any] = {
        "event_id": pa.FixedSizeBinaryArray.from_buffers(_UUID, size, [None, pa.py_buffer(columns.ids)]),
        "timestamp": pa.array(columns.times).cast(_TIME),
        "identity": pa.array(columns.identities),
        **{name: pa.array(values, pa.string()) for name, values in columns.plain.items()},
    }
    for name in EVENT_COLUMNS:
        if name not in arrays:
            group, position = columns.column(name)
            arrays[name] = _taken(name, [value[position] for value in group.values], group.places)
    return _written(EVENT_COLUMNS, [arrays[name] for name in EVENT_COLUMNS])


def _taken(name: str, values: list[Any], places: Places) -> Any:
    """Return the column with, for each event, the value at a place."""
    distinct = _array(name, values)
    return distinct.take(pa.array(places)) if len(set(values)) > 1 else pa.repeat(distinct[0], len(places))


def properties_as_text(table: pa.Table) -> pa.Table:
    """Return events with their properties as one text under `unparsed`."""
    position = EVENT_COLUMNS.index("properties")
    texts = [json.dumps({"unparsed": text}) for text in table.column(position).to_pylist()]
    return table.set_column(position, "properties", pa.array(texts, pa.string()))


def sessions(rows: Sequence[Row]) -> bytes:
    """Return the stream for the sessions table."""
    return _stream(SESSION_COLUMNS, ((*astuple(row.session), row.gone, *_changes(row)) for row in rows))


def _changes(row: Row) -> tuple[int, int, int, int, int]:
    """Return what a row adds to the counters: the whole session, its growth, or minus the whole when it is gone."""
    session, before = row.session, row.before
    bounce, duration = int(session.acts <= 1), session.ended_at - session.started_at
    if row.gone:
        return -1, -bounce, -session.events, -session.page_views, -duration
    if before is None:
        return 1, bounce, session.events, session.page_views, duration
    return (
        0,
        bounce - (before.acts <= 1),
        session.events - before.events,
        session.page_views - before.page_views,
        duration - (before.ended_at - before.started_at),
    )


def claims(merges: Sequence[Merge]) -> bytes:
    """Return the stream for the claims table."""
    return _stream(CLAIM_COLUMNS, map(astuple, merges))


def aliases(merges: Sequence[Merge]) -> bytes:
    """Return the stream for the aliases table."""
    return _stream(ALIAS_COLUMNS, map(astuple, merges))


def orders(rows: Sequence[Order]) -> bytes:
    """Return the stream for the orders table."""
    return _stream(ORDER_COLUMNS, map(astuple, rows))


def sign_outs(rows: Sequence[tuple[bytes, str, int]]) -> bytes:
    """Return the stream for the sign_outs table."""
    return _stream(SIGN_OUT_COLUMNS, rows)


def identities(rows: Sequence[tuple[int, int]]) -> bytes:
    """Return the stream for the identities table."""
    return _stream(IDENTITY_COLUMNS, rows)


def dead_letters(rows: Sequence[DeadLetter]) -> bytes:
    """Return the stream for the dead_letters table."""
    return _stream(DEAD_LETTER_COLUMNS, map(astuple, rows))


def rejections(rows: Sequence[tuple[Arrival, Rejection]]) -> bytes:
    """Return the stream for the rejections table."""
    return _stream(
        REJECTION_COLUMNS,
        [
            (
                arrival.project_id,
                arrival.received_at,
                rejection.message_id,
                rejection.field,
                rejection.reason,
                rejection.body,
                rejection.line,
                rejection.text,
            )
            for arrival, rejection in rows
        ],
    )


def violations(rows: Sequence[tuple[Arrival, Violation]]) -> bytes:
    """Return the stream for the violations table."""
    return _stream(
        VIOLATION_COLUMNS,
        [(arrival.project_id, arrival.received_at, *astuple(violation)) for arrival, violation in rows],
    )
