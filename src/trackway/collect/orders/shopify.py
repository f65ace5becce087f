"""Orders from Shopify's export (Orders → Export → CSV).

The table has one line for each item; the first line of an order also has the order's own fields. The buyer is a
pseudonym of the e-mail address; `trackway_anonymous_id: …` in the note attributes is the visitor.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from trackway.collect.dialects.csv_cells import Unclear, amount
from trackway.collect.dialects.csv_rows import Table
from trackway.collect.dialects.packed_lines import BadFile, InputFile
from trackway.collect.orders.report import BadOrder, OrderReport, check, pseudonym, validated
from trackway.event import Rejection

_PLACED = frozenset(["paid", "partially_refunded", "refunded"])
_ENDED = frozenset(["voided", "expired"])
_VISITOR = re.compile(r"trackway_anonymous_id:\s*(\S{1,255})")
_NEEDED = ("Name", "Financial Status", "Total", "Currency", "Created at")


def of_shopify(file: InputFile) -> Iterator[tuple[int, OrderReport | Rejection]]:
    """Yield the orders with the numbers of their first lines, or a rejection for a line that is not a valid order.

    Raises:
        BadFile: the table is another one; the text names the missing columns.
    """
    table = Table(file)
    if missing := [name for name in _NEEDED if name not in table.columns]:
        raise BadFile(
            f"this is not an export of Shopify's orders: it has no column {', '.join(map(repr, missing))}; in Shopify, "
            "Orders → Export → CSV writes one"
        )
    for row in table.rows():
        if row.wrong:
            yield row.number, Rejection(row.number, "", row.wrong, text=row.text)
            continue
        if not (row.cells.get("Financial Status") or row.cells.get("Total")):
            continue  # another item of the order above
        try:
            order = _order({name: text.strip() for name, text in row.cells.items()})
            check(order)
            yield row.number, order
        except BadOrder as error:
            name = row.cells.get("Name", "")
            yield row.number, Rejection(row.number, error.field, str(error), body=name, text=row.text)


def _order(row: dict[str, str]) -> OrderReport:
    status, visitor = row.get("Financial Status", ""), _VISITOR.search(row.get("Note Attributes", ""))
    email, cancelled, refunded = row.get("Email", ""), row.get("Cancelled at", ""), row.get("Refunded Amount", "")
    placed = _time(row, "Paid at" if row.get("Paid at") else "Created at")
    ended = bool(cancelled) or status in _ENDED
    order = OrderReport(
        order_id=row.get("Name", ""),
        status="ended" if ended else "placed" if status in _PLACED else "waiting",
        user_id=pseudonym(email) if email else "" if visitor else f"guest:{row.get('Name', '')}",
        anonymous_id=visitor[1] if visitor else "",
        placed_at=placed,
        updated_at=_time(row, "Cancelled at") if cancelled else None,
        total=_amount(row, "Total"),
        currency=row.get("Currency", ""),
        refunded=_amount(row, "Refunded Amount") if refunded else None,
    )
    return validated(order)


def _amount(row: dict[str, str], column: str) -> str:
    """Return an amount in Shopify's notation: 1234.50. Raises BadOrder for others, such as 12,50."""
    try:
        return amount(row.get(column, ""), ".")[0]
    except Unclear as error:
        raise BadOrder(f"{column}: {error}", column) from error


def _time(row: dict[str, str], column: str) -> datetime:
    """Return a time in Shopify's notation: 2026-01-31 10:00:00 +0100. Raises BadOrder."""
    text = row.get(column, "")
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z")
    except ValueError as error:
        reason = f"{column}: {text[:60]!r} is not a time as Shopify writes it; write it as 2026-01-31 10:00:00 +0100"
        raise BadOrder(reason, column) from error
