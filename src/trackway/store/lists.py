"""Long lists in questions: rows of the table `lists`, because a server refuses parameters of more than 128 KiB."""

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
