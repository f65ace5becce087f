"""CSV that is safe in spreadsheets: every CSV that Trackway writes comes from `for_csv`.

A spreadsheet runs a cell that begins like a formula, whoever wrote it; such a text is written with an apostrophe before
it (https://owasp.org/www-community/attacks/CSV_Injection).
"""

from __future__ import annotations

import re

import msgspec
import pyarrow as pa

_FORMULA = re.compile(r"[\s\x00-\x1f\u200b-\u200f\u2060\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n\x00]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


def for_csv(table: pa.Table) -> pa.Table:
    """Return a table of numbers, times, and texts that no spreadsheet runs; the column names are made safe too."""
    columns = [
        column
        if pa.types.is_primitive(column.type) or pa.types.is_decimal(column.type)
        else pa.array([_text(value, column.type) for value in column.to_pylist()], pa.string())
        for column in table.itercolumns()
    ]
    return pa.table(columns, names=[harmless(name) for name in table.column_names])


def harmless(text: str) -> str:
    """Return a text as a cell that a spreadsheet shows and does not run; a plain number stays as it is."""
    return "'" + text if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def _text(value: object, kind: pa.DataType) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return harmless(value)
    if pa.types.is_map(kind):
        value = dict(value)  # type: ignore[call-overload]
    if isinstance(value, dict | list):
        return harmless(msgspec.json.encode(value, enc_hook=str).decode())
    return harmless(value.decode(errors="replace") if isinstance(value, bytes) else str(value))
