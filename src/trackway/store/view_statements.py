"""The statements of views, as the engine keeps them: what a derived table contains is written down only there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trackway.statements import Statements

if TYPE_CHECKING:
    from trackway.store.connection import Store

_sql = Statements(__name__)
_TARGET = re.compile(r"CREATE MATERIALIZED VIEW \S+ TO (?:\S+\.)?(\w+) ")


def statement_of(store: Store, view: str) -> str:
    """Return the SELECT of a view, with tables named without their database."""
    [row] = store.each[0].ask(_sql("statement_of"), {"name": view}).to_pylist()
    text: str = row["text"]
    return text.replace(f"{row['place']}.", "")


def target_of(store: Store, view: str) -> str:
    """Return the name of the table that a materialized view writes to."""
    statement = store.each[0].ask(_sql("target_of"), {"name": view})["text"][0].as_py()
    match = _TARGET.match(statement)
    assert match is not None, statement
    return match[1]
