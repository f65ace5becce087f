"""Lists in questions: values of the statement, or rows of the table `lists` when they are long.

A server refuses values of more than 128 KiB; to write a list and to read it again takes three times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pyarrow as pa

from trackway.event import new_id
from trackway.store.connection import Store, as_block

_TYPES = {
    **dict.fromkeys(("project_id", "session_id"), pa.binary(16)),
    **dict.fromkeys(("since", "until"), pa.timestamp("ms", "UTC")),
    "token": pa.uint64(),
}
_MOST_BOUND = 100
_ROWS = "lists WHERE list = {list:UUID}"
_BOUND = {
    **dict.fromkeys(("project_id", "session_id"), "UUID"),
    **dict.fromkeys(("since", "until"), "Int64"),
    "token": "UInt64",
}


def with_list(store: Store, sql: str, **columns: Sequence[Any]) -> tuple[str, dict[str, Any]]:
    """Return a statement that reads a list by the macro `listed`, and the values that it has for it.

    Args:
        columns: as those of `write_list`.
    """
    if len(next(iter(columns.values()))) > _MOST_BOUND:
        return sql, {"list": write_list(store, **columns)}
    values, arrays, rows = {}, [], []
    for name, column in columns.items():
        kind = _BOUND.get(name, "String")
        values[f"listed_{name}"] = [UUID(bytes=value) for value in column] if kind == "UUID" else list(column)
        arrays.append(f"{{listed_{name}:Array({kind})}} AS listed_{name}")
        of_time = f"arrayMap(at -> fromUnixTimestamp64Milli(at, 'UTC'), listed_{name})"
        rows.append(f"{of_time if kind == 'Int64' else f'listed_{name}'} AS {name}")
    return sql.replace(_ROWS, f"(SELECT {', '.join(arrays)}) ARRAY JOIN {', '.join(rows)}"), values


def write_list(store: Store, **columns: Sequence[Any]) -> UUID:
    """Write a list to the store; the engine deletes it after an hour.

    Args:
        columns: values by column of `lists`, all of one length; UUIDs as 16 bytes, times in milliseconds.

    Returns:
        The id of the list, for the parameter `list`.
    """
    name = new_id()
    arrays = {column: pa.array(values, _TYPES.get(column, pa.string())) for column, values in columns.items()}
    size = len(next(iter(arrays.values())))
    block = as_block(pa.table({"list": pa.array([name.bytes] * size, pa.binary(16)), **arrays}))
    store.insert("lists", block, str(name))
    return name
