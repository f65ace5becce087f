"""Answers as files for notebooks and spreadsheets."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from trackway.store.csv_text import for_csv

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
    """Write a table in one of the formats of MEDIA."""
    sink = io.BytesIO()
    table = prepared(table, form)
    with WRITERS[form](sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def prepared(table: pa.Table, form: str) -> pa.Table:
    """Convert a table for a format: for CSV, maps and ids become text."""
    return for_csv(table) if form == "csv" else table
