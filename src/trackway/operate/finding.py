"""One thing that the doctor looked at."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """Fine, worth a note, or bad with what mends it."""

    part: str
    state: Literal["fine", "note", "bad"]
    text: str
