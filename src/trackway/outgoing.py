"""Requests to URLs that members name: webhooks, digests, endpoints of an OpenID provider, followed databases.

A name is resolved once. Every IP address of the name must be public, or be allowed by the operator. The connection goes
to one of these addresses, so that a later answer of the name server has no effect. TLS and the Host header keep the
name. Redirects are not followed, a request ends after `LIMIT_S`, and an answer is read up to `MOST_BYTES`. The refusal
of an address does not show whether anything listens there.
"""

from __future__ import annotations

import contextlib
import http.client
import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import httpx

logger = logging.getLogger("trackway.outgoing")

LIMIT_S = 10.0
MOST_BYTES = 1024 * 1024
_RESOLVE_S = 5.0
_PORTS = {"http": 80, "https": 443}
_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL = IPv6Network("2000::/3")
_RELAYS = ip_network("192.88.99.0/24")
_SAFE = "/%:@!$&'()*+,;=~?"

Address = IPv4Address | IPv6Address


class Refused(ValueError):
    """An address that this server does not send to; the text gives the reason and the way to allow it."""


class Unreachable(OSError):
    """A request without an answer; the text is for members and reveals nothing about a private network."""


class Answer(NamedTuple):
    """Status and body of an answer."""

    status: int
    body: bytes


class Target(NamedTuple):
    """The parts of a URL: `host` is ASCII without brackets and final dot, `path` includes the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def header(self) -> str:
        """The Host header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _PORTS[self.scheme] else f"{name}:{self.port}"


def resolved(host: str) -> list[str]:
    """Return the addresses of a name, in the system's order; none when it has none or the system takes too long."""
    addresses: list[str] = []

    def resolve() -> None:
        try:
            rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        addresses.extend(dict.fromkeys(str(row[4][0]) for row in rows))

    thread = threading.Thread(target=resolve, daemon=True)
    thread.start()
    thread.join(_RESOLVE_S)
    return list(addresses)


def _reached(address: Address) -> Address:
    """Return the IPv4 address that packets to an IPv4-mapped, 6to4 or NAT64 address may reach; any other unchanged.

    `collect.address.plain` unwraps only IPv4-mapped addresses: a client with a 6to4 or NAT64 address is not the host of
    the IPv4 address in it.
    """
    if isinstance(address, IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour
        if inside is None and address in _NAT64:
            inside = IPv4Address(int(address) & 0xFFFF_FFFF)
        return inside or address
    return address


def public(address: Address) -> bool:
    """Whether an address belongs to the public internet: global unicast (IANA special-purpose registries)."""
    address = _reached(address)
    if isinstance(address, IPv6Address) and address not in _GLOBAL:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved and address not in _RELAYS


def parse(url: str) -> Target:
    """Split a URL into its parts. Raises Refused when it is not http or https, has no host, or has a user name."""
    if any(character <= " " or character in "\x7f\\" for character in url):
        raise Refused("is not a URL: it contains spaces, backslashes or control characters")
    try:
        parts = urlsplit(url)
        port, host = parts.port, (parts.hostname or "").rstrip(".")
        host = host if host.isascii() else host.encode("idna").decode()
    except ValueError as error:
        raise Refused("is not a URL such as https://example.com/hook") from error
    if parts.scheme not in _PORTS or not host or "%" in host or port == 0:
        raise Refused("is not an http or https URL such as https://example.com/hook")
    if "@" in parts.netloc:
        raise Refused("has a user name before the host; remove it, as the receiver checks the signature")
    path = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path)


class Outgoing:
    """Decides to which addresses the server may send, and sends.

    Args:
        allowed: networks in CIDR notation, addresses and host names that may be private.
        resolve: returns the addresses of a name.
    """

    def __init__(self, allowed: Iterable[str] = (), resolve: Callable[[str], list[str]] = resolved) -> None:
        self._resolve = resolve
        self._networks, self._hosts = [], set()
        for name in allowed:
            try:
                self._networks.append(ip_network(name.strip(), strict=False))
            except ValueError:
                self._hosts.add(name.strip().lower().rstrip("."))

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        context = httpx.create_ssl_context()
        context.load_default_certs()
        return context

    def addresses(self, host: str, trusted: str = "") -> list[str]:
        """Return the addresses that a name resolves to now, if all of them may be reached.

        Args:
            trusted: a host in the operator's own settings; its addresses are not checked.

        Raises:
            Refused: an address is private and not allowed, or there is none.
        """
        host = host.lower().rstrip(".")
        addresses = self._resolve(host)
        unchecked = host in self._hosts or host == trusted.lower().rstrip(".")
        if not addresses or not (unchecked or all(self._may_be_reached(ip_address(address)) for address in addresses)):
            raise Refused(
                f"{host} is private or cannot be found; the server connects to public addresses only, unless its "
                "operator names others in `allow_private_addresses`"
            )
        return addresses

    def _may_be_reached(self, address: Address) -> bool:
        return public(address) or any(_reached(address) in network or address in network for network in self._networks)

    def check(self, url: str) -> None:
        """Check that a URL may be sent to as it resolves now; hosts allowed by name pass unresolved. Raises Refused."""
        host = parse(url).host.lower()
        if host not in self._hosts:
            self.addresses(host)

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, trusted: str = ""
    ) -> Answer:
        """Send a request to the address that a URL resolves to now.

        Raises:
            Refused: sending there is not allowed.
            Unreachable: there was no answer, one that is too large, or none in time.
        """
        target = parse(url)
        addresses = self.addresses(target.host, trusted)
        until = time.monotonic() + LIMIT_S
        try:
            with _connected(addresses, target.port, until) as raw, _Ending(raw, until):
                return self._request(raw, method, target, headers, body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            logger.warning("the request to %s failed: %r", target.host, error)
            raise Unreachable(f"{target.host} gives no valid answer") from error

    def post(self, url: str, headers: Mapping[str, str], body: bytes, trusted: str = "") -> None:
        """Deliver a body. Raises Refused or Unreachable when it does not arrive, or is not accepted (no status 2xx)."""
        answer = self.send("POST", url, {"content-type": "application/json", **headers}, body, trusted)
        if not 200 <= answer.status < 300:
            raise Unreachable(f"{parse(url).host} answered with status {answer.status}; it will be tried again")

    def _request(
        self, raw: socket.socket, method: str, target: Target, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        link = http.client.HTTPConnection(target.host, target.port)
        link.sock = self._tls.wrap_socket(raw, server_hostname=target.host) if target.scheme == "https" else raw
        try:
            link.request(method, target.path, body, {"host": target.header, "connection": "close", **headers})
            answer = link.getresponse()
            content = answer.read(MOST_BYTES + 1)
        finally:
            link.close()
        if len(content) > MOST_BYTES:
            raise ValueError("the answer is too large")
        return Answer(answer.status, content)


def _connected(addresses: list[str], port: int, until: float) -> socket.socket:
    """Connect to the first of the addresses that accepts a connection."""
    failed: OSError = TimeoutError("the time limit was reached")
    for address in addresses:
        left = until - time.monotonic()
        if left <= 0:
            break
        try:
            return socket.create_connection((address, port), timeout=left)
        except OSError as error:
            failed = error
    raise failed


class _Ending:
    """Ends a connection at its time limit, however slowly the other side sends."""

    def __init__(self, connection: socket.socket, until: float) -> None:
        # A handle of its own, because TLS detaches the first one.
        self._own = socket.socket(fileno=os.dup(connection.fileno()))
        self._over = False
        self._timer = threading.Timer(max(0.0, until - time.monotonic()), self._end)
        self._timer.daemon = True

    def _end(self) -> None:
        self._over = True
        with contextlib.suppress(OSError):  # the connection had ended already
            self._own.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()
        self._own.close()
        if self._over:  # the part that was read so far is not an answer
            raise TimeoutError("the time limit was reached")
