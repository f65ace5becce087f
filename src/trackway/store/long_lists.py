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
_QUOTED = "|".join(rf"{quote}(?:[^{quote}\\]|\\.)*{quote}" for quote in "'`\"")
_COMMENT = r"--[^\n]*|/\*.*?\*/"
_PLACEHOLDER = re.compile(rf"{_COMMENT}|{_QUOTED}|\{{(\w+):([^{{}}]+)\}}", re.DOTALL)
"""A placeholder, or a comment, a quoted text or name: what looks like a placeholder in these is none to the engine."""


def without_long_lists(sql: str, parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Put each long list into the statement, as one text literal that the engine reads as the list's type.

    That is what the engine itself does with a bound value; the text has the same form in both. All places are replaced
    in one pass, so nothing is replaced within a value.

    Returns:
        The statement, and the values that remain to be bound.
    """
    texts = {
        name: literal(format_bind_value(list(value)))
        for name, value in parameters.items()
        if isinstance(value, list | tuple) and len(value) >= _LONG
    }
    if not texts:
        return sql, dict(parameters)

    def replaced(place: re.Match[str]) -> str:
        return f"CAST({texts[place[1]]}, '{place[2]}')" if place[1] in texts else place[0]

    return _PLACEHOLDER.sub(replaced, sql), {name: value for name, value in parameters.items() if name not in texts}
