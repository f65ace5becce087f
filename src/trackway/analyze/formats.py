"""Answers as files: what notebooks and spreadsheets open."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
WRITERS: dict[str, Any] = {
    "csv": pa.csv.CSVWriter,
    "parquet": pa.parquet.ParquetWriter,
    "arrow": pa.ipc.new_stream,
}


def as_bytes(table: pa.Table, form: str) -> bytes:
    """A table in one of the formats of MEDIA."""
    sink = io.BytesIO()
    table = prepared(table, form)
    with WRITERS[form](sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def prepared(table: pa.Table, form: str) -> pa.Table:
    """The table as a format can hold it: for CSV, maps and ids become text."""
    if form != "csv":
        return table
    columns = [
        column
        if pa.types.is_primitive(column.type) or pa.types.is_decimal(column.type)
        else pa.array([_cell(value) for value in column.to_pylist()], pa.string())
        for column in table.itercolumns()
    ]
    return pa.table(columns, names=table.column_names)


def _cell(value: object) -> str | None:
    """Text for a cell; what a spreadsheet would run as a formula is quoted."""
    if value is None:
        return None
    text = value if isinstance(value, str) else str(dict(value) if isinstance(value, list) else value)
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
