"""Times and ids, made with the standard library alone, so that a client in another program can use them too."""

from __future__ import annotations

import os
import time
from uuid import UUID

Millis = int
"""Milliseconds since 1970-01-01 UTC."""


def now() -> Millis:
    """Return the current time in milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def uuid7(millis: Millis, bits: int | None = None) -> bytes:
    """Return a UUIDv7 (RFC 9562, 5.7) as 16 bytes: `millis`, then 74 bits of `bits` (random when None).

    The same time and bits give the same id, so that a replay of the log makes the same ids as before.
    """
    if bits is None:
        bits = int.from_bytes(os.urandom(10), "big")
    return (
        ((millis & 0xFFFFFFFFFFFF) << 80)
        | (0x7 << 76)
        | ((bits >> 62 & 0xFFF) << 64)
        | (0b10 << 62)
        | (bits & 0x3FFFFFFFFFFFFFFF)
    ).to_bytes(16, "big")


def new_id() -> UUID:
    """Return a new UUIDv7 of the current time.

    Its first 12 bits after the millisecond are a fraction of it (RFC 9562, 6.2, method 3), so that the ids of a machine
    are in the order in which they were made.
    """
    millis, nanoseconds = divmod(time.time_ns(), 1_000_000)
    fraction = nanoseconds * 4096 // 1_000_000
    return UUID(bytes=uuid7(millis, fraction << 62 | int.from_bytes(os.urandom(8), "big") >> 2))
