"""The client's IP address: taken from the nearest trusted proxy, never from anything that a client can forge.

Proxies append to `X-Forwarded-For` and `Forwarded`, so both are read from their end: an address is accepted when all
addresses after it are trusted. `X-Real-IP` and `CF-Connecting-IP` have one value, which the proxy overwrites.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from trackway.config import Settings


def plain(text: str) -> str:
    """Return an address alone, in its canonical spelling; empty when the text is not an address.

    Quotes, brackets, port and zone are removed, and an IPv4 address inside an IPv6 address is taken out, so that a
    client has the same address in every notation.
    """
    return _kept_plain(text) if len(text) <= _MOST_KEPT else _plain(text)


def _plain(text: str) -> str:
    bare = text.strip().strip('"').strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(address)


_kept_plain = lru_cache(maxsize=50_000)(_plain)
_MOST_KEPT = 200
"""The characters of the longest text that is kept with its address: clients choose the text, and many are kept."""


class Addresses:
    """Finds the client's address of requests.

    Args:
        settings: `trusted_proxies`, `proxy_header` and `trust_proxy`.
    """

    def __init__(self, settings: Settings) -> None:
        self._header = settings.proxy_header.lower().encode()
        proxies = settings.proxies
        self._proxies, self._networks = (proxies, []) if isinstance(proxies, int) else (0, proxies)
        self._kept = lru_cache(maxsize=50_000)(self._client)

    def of(self, scope: Any) -> str:
        """Return the address of a request's client (of an ASGI scope); empty when it has none."""
        client = scope.get("client")
        peer = client[0] if client else ""
        if not (self._proxies or self._networks):
            return plain(peer)
        values = [value for name, value in scope["headers"] if name == self._header]
        header = b",".join(values[-1:] if self._header in _SINGLE else values).decode("latin-1")
        return self._kept(peer, header) if len(header) <= _MOST_KEPT else self._client(peer, header)

    def _client(self, peer: str, header: str) -> str:
        nearest, left = plain(peer), self._proxies
        if self._header in _SINGLE:
            trusted = left > 0 or self._trusts(nearest)
            return (plain(header) if trusted else "") or nearest
        for node in _from_the_end(header, self._header == b"forwarded"):
            if not (left > 0 if self._proxies else self._trusts(nearest)):
                break
            address = plain(node)
            if not address:
                break  # "unknown", or a name that the proxy made up: only the proxy's address is known
            nearest, left = address, left - 1
        return nearest

    def _trusts(self, address: str) -> bool:
        if not address:
            return False
        parsed = ipaddress.ip_address(address)
        return any(parsed in network for network in self._networks)


_SINGLE = (b"x-real-ip", b"cf-connecting-ip")


def _from_the_end(header: str, forwarded: bool) -> Iterator[str]:
    """Yield the nodes in a header, the last first."""
    if not forwarded:
        yield from (node for node in reversed(header.split(",")) if node.strip())
        return
    for element in _elements_from_the_end(header):
        pairs = (pair.partition("=") for pair in element.split(";"))
        yield next((value for name, _, value in pairs if name.strip().lower() == "for"), "")


def _elements_from_the_end(header: str) -> Iterator[str]:
    """Yield the elements of `Forwarded` (RFC 7239), the last first, split at commas that are not quoted.

    Quotes are paired from the end as well: a quote that a client leaves open affects only its own elements.
    """
    end, quoted = len(header), False
    for position in range(len(header) - 1, -1, -1):
        if header[position] == '"' and header[position - 1 : position] != "\\":
            quoted = not quoted
        elif header[position] == "," and not quoted:
            yield header[position + 1 : end]
            end = position
    yield header[:end]
