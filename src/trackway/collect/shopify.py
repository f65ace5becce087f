"""Orders as Shopify exports them (Orders → Export → CSV): one line an item, the order's own fields in its first.

Who ordered is a pseudonym of the e-mail address; `trackway_anonymous_id: …` among the note attributes is the visitor.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from trackway.collect.given import BadOrder, Given, check, pseudonym, shaped
from trackway.event import Rejection

_PLACED = frozenset(["paid", "partially_refunded", "refunded"])
_ENDED = frozenset(["voided", "expired"])
_VISITOR = re.compile(r"trackway_anonymous_id:\s*(\S{1,255})")
_NEEDED = ("Name", "Financial Status", "Total", "Currency", "Created at")


def of_shopify(lines: Iterable[str]) -> Iterator[tuple[int, Given | Rejection]]:
    """The orders with the numbers of their first lines, or why one of them is none."""
    table = csv.DictReader(lines)
    try:
        for row in table:
            if table.line_num == 2 and (missing := [name for name in _NEEDED if name not in row]):
                yield 1, Rejection(1, missing[0], "this is no export of Shopify's orders: the column is missing")
                return
            if not (row.get("Financial Status") or row.get("Total")):
                continue  # another item of the order above
            try:
                order = _order({name: (text or "").strip() for name, text in row.items() if name})
                check(order)
                yield table.line_num, order
            except (BadOrder, ValueError) as error:
                yield table.line_num, Rejection(table.line_num, "", str(error), body=str(row.get("Name")))
    except csv.Error as error:
        yield table.line_num, Rejection(table.line_num, "", f"the line is not CSV: {error}")


def _order(row: dict[str, str]) -> Given:
    status, visitor = row["Financial Status"], _VISITOR.search(row.get("Note Attributes", ""))
    email, cancelled, refunded = row.get("Email", ""), row.get("Cancelled at", ""), row.get("Refunded Amount", "")
    placed = _time(row.get("Paid at") or row["Created at"])
    ended = bool(cancelled) or status in _ENDED
    found = Given(
        order_id=row["Name"],
        status="ended" if ended else "placed" if status in _PLACED else "waiting",
        user_id=pseudonym(email) if email else "" if visitor else f"guest:{row['Name']}",
        anonymous_id=visitor[1] if visitor else "",
        placed_at=placed,
        updated_at=_time(cancelled) if cancelled else None,
        total=row["Total"].replace(",", ""),
        currency=row["Currency"],
        refunded=refunded.replace(",", "") or None,
    )
    return shaped(found)


def _time(text: str) -> datetime:
    """A time as Shopify writes it: 2026-01-31 10:00:00 +0100."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z")
