"""Mapping of a foreign table's rows to orders: the column of each field."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from trackway.collect.orders.report import BadOrder, OrderReport, check, plain, validated

_Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_$]{0,62}$")]
_Table = Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z_][A-Za-z0-9_$]{0,62}\.)?[A-Za-z_][A-Za-z0-9_$]{0,62}$")]


class Columns(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The column of each field of an order; `user_id`, `anonymous_id` or both are needed."""

    order_id: _Name = "id"
    total: _Name = "total"
    placed_at: _Name = "created_at"
    user_id: _Name | Literal[""] = "user_id"
    anonymous_id: _Name | Literal[""] = ""
    currency: _Name | Literal[""] = ""
    status: _Name | Literal[""] = ""
    refunded: _Name | Literal[""] = ""
    service: _Name | Literal[""] = ""

    def named(self) -> list[str]:
        """Return the columns, each once."""
        return list(dict.fromkeys(name for name in msgspec.structs.astuple(self) if name))


class Mapping(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The way in which a table's rows become orders.

    Rows with one of the statuses in `placed` count, or all rows when it is empty. `currency` applies to every row when
    no column gives it.
    """

    table: _Table
    kind: Literal["order", "booking"] = "order"
    columns: Columns = msgspec.field(default_factory=Columns)
    placed: list[Annotated[str, msgspec.Meta(max_length=100)]] = []
    currency: Annotated[str, msgspec.Meta(pattern="^([A-Z]{3})?$")] = ""


def order_of(row: dict[str, Any] | None, mapping: Mapping, at: datetime) -> OrderReport | None:
    """Return a row as the order that it was at a moment; None for no row.

    Raises:
        BadOrder: a column has an invalid value.
    """
    if row is None:
        return None
    columns = mapping.columns

    def text(name: str) -> str:
        value = row.get(name) if name else None
        return "" if value is None else str(value)

    status = text(columns.status)
    placed = not mapping.placed or not columns.status or status in mapping.placed
    try:
        order = OrderReport(
            order_id=text(columns.order_id), kind=mapping.kind, status="placed" if placed else "waiting",
            user_id=text(columns.user_id), anonymous_id=text(columns.anonymous_id),
            placed_at=datetime.fromisoformat(text(columns.placed_at)), updated_at=at,
            total=plain(text(columns.total) or ("" if placed else 0), columns.total),
            currency=text(columns.currency) or mapping.currency,
            refunded=plain(text(columns.refunded) or 0, columns.refunded) if columns.refunded else None,
            service=text(columns.service)[:255],
        )  # fmt: skip
        order = validated(order)
    except ValueError as error:
        field = getattr(error, "field", "")
        raise BadOrder(f"the row {text(columns.order_id)!r} of {mapping.table}: {error}", field) from error
    check(order)
    return order
