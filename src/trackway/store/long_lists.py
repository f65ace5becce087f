"""Long lists among the values of a statement, in a form that every server accepts.

A server refuses a bound value of more than 128 KiB ("Field value too long"), and no setting of a request lifts that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from clickhouse_connect.driver.binding import format_bind_value

from trackway.store.policy import literal

_LONG = 500
_TYPE = r"\{%s:([^{}]+)\}"


def without_long_lists(sql: str, parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Put each long list into the statement, as one text literal that the engine reads as the list's type.

    That is what the engine itself does with a bound value; the text has the same form in both.

    Returns:
        The statement, and the values that remain to be bound.
    """
    kept: dict[str, Any] = {}
    for name, value in parameters.items():
        if not isinstance(value, list | tuple) or len(value) < _LONG:
            kept[name] = value
            continue
        text = literal(format_bind_value(list(value)))
        pieces = re.split(_TYPE % re.escape(name), sql)
        for place in range(1, len(pieces), 2):
            pieces[place] = f"CAST({text}, '{pieces[place]}')"
        sql = "".join(pieces)
    return sql, kept
