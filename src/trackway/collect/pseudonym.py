"""Visitors without an id of their own: stable within a day, not linkable to the next."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path


def pseudonym(key: bytes, day: str, address: str, user_agent: str) -> str:
    """An anonymousId for one (address, user agent) on one day (YYYY-MM-DD, UTC), keyed so that nobody else can make it.

    BLAKE2b with `key`; without the key neither the address can be found by trying nor two days be linked.
    """
    text = f"{day}\n{address}\n{user_agent}".encode(errors="replace")
    return "d-" + hashlib.blake2b(text, key=hashlib.sha256(key).digest(), digest_size=12).hexdigest()


def installation_key(directory: Path) -> bytes:
    """The installation's own random key for pseudonyms, made on first use, readable by its owner only."""
    path = directory / "pseudonym.key"
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(secrets.token_bytes(32))
    return path.read_bytes()
