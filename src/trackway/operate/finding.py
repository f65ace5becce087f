"""A finding of the doctor."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """The result of one check: fine, worth a note, or bad with the remedy."""

    part: str
    state: Literal["fine", "note", "bad"]
    text: str
