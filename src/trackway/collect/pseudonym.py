"""Visitors without an id of their own: stable within a day, not linkable to the next."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

from trackway.event import Millis

logger = logging.getLogger("trackway.collect")


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


class DailySalt:
    """The key of one day's pseudonyms (UTC). The next day's takes its place in memory and in the file, so that who
    came yesterday cannot be recognized by anybody, whatever they are given.

    Args:
        directory: where the day's salt is kept, readable by its owner only, so that a restart makes no new visitors.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / "pseudonym.salt"
        day, _, key = self._path.read_text().partition(" ") if self._path.exists() else ("", "", "")
        self._day, self._key = day, bytes.fromhex(key)

    def pseudonym(self, at: Millis, address: str, user_agent: str) -> str:
        """The visitor of an address and user agent on the day of `at`; never that of a day before."""
        day = f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d}"
        if day > self._day:
            self._day, self._key = day, secrets.token_bytes(32)
            self._keep(f"{day} {self._key.hex()}")
        return pseudonym(self._key, self._day, address, user_agent)

    def _keep(self, line: str) -> None:
        try:
            fresh = self._path.with_suffix(".new")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(line)
            fresh.replace(self._path)
        except OSError as error:
            logger.error(
                "the day's salt is not written (%s); a restart will make new visitors of those without id", error
            )
