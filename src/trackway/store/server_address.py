"""The parts of a ClickHouse server's address."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit


def database_of(dsn: str) -> str:
    """Return the database that an address names."""
    return urlsplit(dsn).path.strip("/") or "default"


def user_of(dsn: str) -> tuple[str, str]:
    """Return the name and the password that an address contains."""
    parts = urlsplit(dsn)
    return unquote(parts.username or "default"), unquote(parts.password or "")
