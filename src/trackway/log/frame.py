"""The log's frame: the unit that is written, synced, checked and read at once.

    magic "TWF1" | payload bytes u32 | CRC-32C u32 | first offset u64 | messages u32 | payload (zstd)

All numbers are little-endian. The checksum covers the fields after it and the payload. The payload is a zstd-compressed
run of MessagePack records, each preceded by its length (u32). Offsets count messages. See
docs/decisions/0001-log-format.md.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import google_crc32c
import zstandard

from trackway.event import Arrival, arrival_of

MAGIC = b"TWF1"
HEAD = struct.Struct("<4sIIQI")
MAX_PAYLOAD = 256 * 1024 * 1024
_LENGTH = struct.Struct("<I")
_BODY = struct.Struct("<QI")
_compressor = zstandard.ZstdCompressor(level=1)


class Frame(NamedTuple):
    """A frame as read: offsets [first, last) and its records, still encoded together."""

    first: int
    last: int
    payload: bytes

    def arrivals(self) -> Iterator[Arrival]:
        """Yield the requests in the frame, in the order of arrival."""
        raw = zstandard.ZstdDecompressor().decompress(self.payload, max_output_size=MAX_PAYLOAD)
        position = 0
        while position < len(raw):
            (length,) = _LENGTH.unpack_from(raw, position)
            position += _LENGTH.size
            yield arrival_of(raw[position : position + length])
            position += length


def encode(first: int, count: int, records: list[bytes]) -> bytes:
    """Return the bytes of a frame that holds `records`, with `count` messages from offset `first` on."""
    raw = b"".join(part for record in records for part in (_LENGTH.pack(len(record)), record))
    payload = _compressor.compress(raw)
    body = _BODY.pack(first, count)
    checksum = google_crc32c.value(body + payload)
    return HEAD.pack(MAGIC, len(payload), checksum, first, count) + payload


def decode(data: bytes, position: int, least: int = 0) -> tuple[Frame, int] | None:
    """Return the frame at `position` and the position of the next one; None when there is no whole and sound frame.

    A frame with an offset below `least` counts as none: it is stale data that a file system left after the end.
    """
    end = position + HEAD.size
    if end > len(data):
        return None
    magic, length, checksum, first, count = HEAD.unpack_from(data, position)
    if magic != MAGIC or end + length > len(data) or first < least:
        return None
    payload = data[end : end + length]
    if google_crc32c.value(_BODY.pack(first, count) + payload) != checksum:
        return None
    return Frame(first, first + count, payload), end + length


def first_of(head: bytes) -> int | None:
    """Return the first offset in the head of a frame; None when it is not the head of a frame."""
    if len(head) < HEAD.size:
        return None
    magic, _, _, first, _ = HEAD.unpack_from(head)
    return int(first) if magic == MAGIC else None


def is_whole(data: bytes) -> bool:
    """Whether data begins with all the bytes of a frame, sound or not, and more than zeros."""
    if len(data) < HEAD.size:
        return False
    magic, length, _, _, _ = HEAD.unpack_from(data)
    return magic == MAGIC and HEAD.size + length <= len(data) and any(data[HEAD.size : HEAD.size + length])


def find(data: bytes, position: int, least: int = 0) -> int | None:
    """Return the position of the next sound frame from the offset `least` on, at or after `position`, or None."""
    while (position := data.find(MAGIC, position)) >= 0:
        if decode(data, position, least) is not None:
            return position
        position += 1
    return None
