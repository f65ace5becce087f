"""Pseudonyms for visitors without an id of their own: stable within a day, not linkable to the next day."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import secrets
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from trackway.event import Millis
from trackway.private import KeyUnusable, read_or_create, write

logger = logging.getLogger("trackway.collect")

_BYTES = 32


def pseudonym(key: bytes, day: str, address: str, user_agent: str) -> str:
    """Return an anonymousId for one (IP address, user agent) on one day (YYYY-MM-DD, UTC).

    It is BLAKE2b with `key`: without the key, nobody can make the id, find the IP address by trial or link two days.
    """
    text = f"{day}\n{address}\n{user_agent}".encode(errors="replace")
    return "d-" + hashlib.blake2b(text, key=hashlib.sha256(key).digest(), digest_size=12).hexdigest()


def installation_key(directory: Path) -> bytes:
    """Return the installation's own random key for pseudonyms, made on first use, readable by its owner only.

    Raises:
        KeyUnusable: the file cannot be read, or does not hold a key.
    """
    path = directory / "pseudonym.key"
    key = read_or_create(path, lambda: secrets.token_bytes(_BYTES))
    if len(key) != _BYTES or not any(key):
        raise KeyUnusable(
            f"{path} is not a key of {_BYTES} bytes; restore it from a backup, or remove it: then visitors without an "
            "id count as new ones, and access logs that are imported again count twice"
        )
    return key


class DailySalt:
    """The key of one day's pseudonyms (UTC).

    The next day's key replaces it in memory and in the file, so that nobody can recognize a visitor of an earlier day,
    whatever data they have.

    Args:
        directory: holds the day's salt, readable by its owner only, so that a restart makes no new visitors.

    Raises:
        KeyUnusable: the file cannot be read, or does not hold a salt.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / "pseudonym.salt"
        self._day, self._key = "", b""
        self._read()

    def _read(self) -> None:
        if self._path.exists():
            try:
                day, _, key = read_or_create(self._path, bytes).decode().partition(" ")
                self._day, self._key = date.fromisoformat(day).isoformat(), bytes.fromhex(key)
                if len(self._key) != _BYTES:
                    raise ValueError("too short")
            except ValueError as error:
                raise KeyUnusable(
                    f"{self._path} is not a daily salt; remove it: today's visitors without an id count as new then"
                ) from error

    def pseudonym(self, at: Millis, address: str, user_agent: str) -> str:
        """Return the visitor of an IP address and user agent on the day of `at`, never that of an earlier day."""
        day = f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d}"
        # After a clock was far ahead, its salt must not stay longer than one day; around midnight, the previous day is
        # accepted.
        if day > self._day or day < f"{date.fromisoformat(self._day) - timedelta(days=1)}":
            self._renew(day)
        return pseudonym(self._key, self._day, address, user_agent)

    def _renew(self, day: str) -> None:
        """Take the day's salt of another process with the same directory, or make it."""
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with suppress(KeyUnusable):
                self._read()
            if self._day != day:
                self._day, self._key = day, secrets.token_bytes(32)
                self._keep(f"{day} {self._key.hex()}")

    def _keep(self, line: str) -> None:
        try:
            write(self._path, line.encode())
        except OSError as error:
            logger.error(
                "the day's salt cannot be written (%s); after a restart, visitors without an id count as new ones",
                error,
            )
