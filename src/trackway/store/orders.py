"""What orders come to by identity: made anew from the orders of those that a batch touched, or of a whole project."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import pyarrow as pa

from trackway.event import now
from trackway.store.connection import Store

_NOW = "INSERT INTO order_totals SELECT * FROM order_totals_now WHERE project_id = {project:UUID}"
_AT_ONCE = 20_000
SINCE_EVER = date(1970, 1, 1)


class Rate(NamedTuple):
    """What a unit of a currency is worth in the project's own from a day on."""

    currency: str
    day: date
    rate: Decimal


def restate(store: Store, project_id: UUID, identities: Iterable[int]) -> None:
    """Make the totals of these identities what their orders come to. Doing it again changes nothing."""
    every = sorted(set(identities))
    for start in range(0, len(every), _AT_ONCE):
        some = every[start : start + _AT_ONCE]
        store.command(
            f"{_NOW} AND identity IN {{identities:Array(UInt64)}}", {"project": project_id, "identities": some}
        )


def restate_all(store: Store, project_id: UUID) -> None:
    """The same of everybody in a project: rates, or its currency, have changed."""
    store.command(_NOW, {"project": project_id})


def write_rates(store: Store, project_id: UUID, rates: Iterable[Rate]) -> None:
    """Write down rates; one of the same currency and day replaces what was there."""
    rows = [(project_id.bytes, one.currency, one.day, one.rate, now()) for one in rates]
    kinds = [
        ("project_id", pa.binary(16)), ("currency", pa.string()), ("day", pa.date32()),
        ("rate", pa.decimal128(38, 10)), ("updated_at", pa.timestamp("ms", "UTC")),
    ]  # fmt: skip
    if not rows:
        return
    table = pa.table([pa.array(column, kind) for column, (_, kind) in zip(zip(*rows, strict=True), kinds, strict=True)],
                     schema=pa.schema(kinds))  # fmt: skip
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    store.insert("rates", bytes(sink.getvalue()), f"rates-{project_id}-{now()}")


def own_currency(store: Store, project_id: UUID, currency: str) -> bool:
    """See to it that amounts of the project's own currency, and those without one, are worth what they say; whether
    that was not so before. Rates into another currency are no good any more, and go.
    """
    stored = store.ask(
        "SELECT currency FROM rates FINAL WHERE project_id = {project:UUID} "
        "AND day = toDate('1970-01-01') AND rate = 1",
        {"project": project_id},
    )["currency"].to_pylist()
    if currency in stored:
        return False
    store.command(
        "ALTER TABLE rates DELETE WHERE project_id = {project:UUID} SETTINGS mutations_sync = 1",
        {"project": project_id},
    )
    write_rates(store, project_id, [Rate(one, SINCE_EVER, Decimal(1)) for one in ("", currency)])
    restate_all(store, project_id)
    return True
