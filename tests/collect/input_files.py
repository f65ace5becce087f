"""The content of a file as an import reads it: its messages, and the lines that it refuses."""

from __future__ import annotations

import io
from typing import Any

from trackway.collect.dialects.files import InputFile, Part, ReadingOptions, requests
from trackway.collect.privacy import Privacy
from trackway.event import Location, Message, Rejection

PRIVACY = Privacy(True, ["token"], lambda _: Location())


def read(
    content: bytes | str, form: str = "csv", name: str = "a.csv", **reading: Any
) -> tuple[list[Message], list[Rejection]]:
    raw = content.encode() if isinstance(content, str) else content
    said = ReadingOptions(**reading)
    packed = InputFile(io.BytesIO(raw), name, encoding=said.encoding)
    parts: list[Part] = list(requests(packed, form, PRIVACY, b"key", said))
    return (
        [one for part in parts for one in part.request.messages],
        [one for part in parts for one in part.request.rejections],
    )
