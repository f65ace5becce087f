"""A page's URL taken apart."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit


class Url(NamedTuple):
    """The parts that are stored: host in lower case without port, path without a trailing slash, query without `?`."""

    host: str
    path: str
    query: str


@lru_cache(maxsize=20_000)
def split(url: str) -> Url:
    """Take a URL apart; what is not one gives empty parts, a bare path only a path."""
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").lower()
    except ValueError:
        return Url("", "", "")
    path = parts.path.rstrip("/") or ("/" if host or parts.path else "")
    return Url(host, path, parts.query)


def route(url: str) -> str:
    """What is behind `#`, with the `#`, as single-page applications use it: without a query of its own and without a
    trailing slash. Empty when it says nothing, such as `#` and `#/`."""
    _, _, fragment = url.strip().partition("#")
    said = fragment.partition("?")[0].rstrip("/!#")
    return f"#{said}" if said else ""
