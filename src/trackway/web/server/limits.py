"""Rate limits for requests, by IP address and by key, and for failed sign-ins.

Counts are kept in this process, in fixed windows; IPv6 addresses count by their /64.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Sequence
from functools import lru_cache
from typing import Any, cast

import msgspec
from litestar.exceptions import TooManyRequestsException

from trackway.collect.address import Addresses
from trackway.config import Settings
from trackway.govern.identity.sign_ins import RequestOrigin
from trackway.web.server.problem_content import problem_content
from trackway.web.server.slow_bodies import BYTES_PER_S, GRACE_S, Bodies, Body
from trackway.web.server.windows import Windows

_KEYS_TIMES = 10
_FAILURES_OF_USER = 50
_LINKS_OF_ADDRESS, _LINKS_OF_USER = 20, 5
_MINUTE, _HOUR = 60.0, 3600.0


class Limits:
    """Counts requests and failures, and compares them with the settings."""

    def __init__(self, settings: Settings) -> None:
        most = settings.requests_per_minute
        self._address = Windows(most, _MINUTE) if most else None
        self._key = Windows(most * _KEYS_TIMES, _MINUTE) if most else None
        failures = settings.failed_sign_ins_per_minute
        self._failures = Windows(failures, _MINUTE) if failures else None
        self._failures_of_user = Windows(_FAILURES_OF_USER, _HOUR)
        self._links_of_address, self._links_of_user = Windows(_LINKS_OF_ADDRESS, _HOUR), Windows(_LINKS_OF_USER, _HOUR)

    def wait(self, network: str, key: str) -> int:
        """Count a request of a network and a key. Returns the seconds to wait before it may be answered, 0 for none."""
        if self._address is None or self._key is None:
            return 0
        return (self._address.hit(network) if network else 0) or (self._key.hit(key) if key else 0)

    def may_sign_in(self, origin: RequestOrigin, name: str) -> None:
        """Check that an IP address may attempt a sign-in. Raises TooManyRequestsException after too many failures of
        the address, or of the address for this user.

        Failures for a user count separately for each address, so that nobody can lock a user out from elsewhere.
        """
        for windows, counted in self._of(origin, name):
            if seconds := windows.full(counted):
                raise TooManyRequestsException(
                    f"too many failed sign-ins; try again in {seconds} s",
                    headers={"retry-after": str(seconds)},
                )

    def failed(self, origin: RequestOrigin, name: str) -> None:
        """Count a failed sign-in."""
        for windows, counted in self._of(origin, name):
            windows.hit(counted)

    def may_ask_for_link(self, origin: RequestOrigin, email: str) -> None:
        """Count a request for a link by mail, whether the user exists or not.

        Raises TooManyRequestsException after twenty requests of an IP address, or five for a user, in an hour.
        """
        counted = (self._links_of_address, network(origin.address)), (self._links_of_user, email.strip().lower())
        for windows, name in counted:
            if seconds := windows.hit(name):
                raise TooManyRequestsException(
                    f"too many links were requested; check your mail, or try again in {seconds} s",
                    headers={"retry-after": str(seconds)},
                )

    def _of(self, origin: RequestOrigin, name: str) -> list[tuple[Windows, str]]:
        if self._failures is None:
            return []
        address = network(origin.address)
        return [(self._failures, address), (self._failures_of_user, f"{address} {name.strip().lower()}")]


@lru_cache(maxsize=50_000)
def network(address: str) -> str:
    """Return the network that an address counts as: an IPv4 address itself, the /64 of an IPv6 address."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address, 64), strict=False))
    except ValueError:
        return address


Headers = Sequence[tuple[bytes, bytes]]
_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"same-origin"))
_HSTS = (b"strict-transport-security", b"max-age=31536000")
_NOT_KEPT = (b"cache-control", b"no-store")


class Limited:
    """The whole application with its limits; adds the headers that every answer has."""

    def __init__(self, app: Any, limits: Limits, settings: Settings) -> None:
        self._app, self._limits, self._addresses = app, limits, Addresses(settings)
        self._bodies = Bodies(settings.connections_per_address)
        self._headers = (*_HEADERS, _HSTS) if settings.url.startswith("https:") else _HEADERS
        self._headers_of_api = (*self._headers, _NOT_KEPT)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(reversed(scope["headers"]))  # of repeated headers, the first counts
        address = self._addresses.of(scope)
        # The client's IP address is determined here and nowhere else; all later code reads it from the scope.
        scope["client"] = (address, (scope.get("client") or ("", 0))[1])
        of = network(address)
        body = Body(self._bodies, receive, of, _length(headers))
        guarded = self._guarded(scope["path"], send, body)
        if seconds := self._limits.wait(of, headers.get(b"authorization", b"").decode("latin-1")[:200]):
            await _refuse(guarded, seconds)
            return
        try:
            await self._app(scope, body, guarded)
        except Exception:
            if not body.cut:
                raise
        finally:
            body.end()
        if body.cut:
            body.cut = False
            await _refuse_slow(guarded)

    def _guarded(self, path: str, send: Any, body: Body) -> Any:
        """Return a `send` that adds the common headers, unless the answer sets them itself."""
        added = self._headers_of_api if path.startswith("/api/") else self._headers

        def guarded(message: Any) -> Awaitable[None]:
            if body.cut:
                return _nothing()  # the application believes that the connection is closed; its answer is dropped
            if message["type"] == "http.response.start":
                own = message["headers"]
                # A tuple of headers is that of an answer that is sent very often.
                headers = _known_with(own, added) if type(own) is tuple else _with(own, added)
                message = {**message, "headers": headers}
            return cast(Awaitable[None], send(message))

        return guarded


async def _nothing() -> None:
    """Send nothing."""


def _with(own: Headers, added: Headers) -> Headers:
    """Return the headers of an answer, and those that are added to every answer, unless it has them itself."""
    names = {name.lower() for name, _ in own}
    return [*own, *(header for header in added if header[0] not in names)]


_known_with = lru_cache(maxsize=64)(_with)  # few, because a client can choose what is kept: the origin


def _length(headers: dict[bytes, bytes]) -> int | None:
    """Return the number of bytes of a request's body; None when the end of the body tells it."""
    length = headers.get(b"content-length", b"")
    return int(length) if length.isdigit() and b"transfer-encoding" not in headers else None


async def _refuse(send: Any, seconds: int) -> None:
    detail = f"too many requests; send the next one in {seconds} s"
    await _problem(send, 429, detail, (b"retry-after", str(seconds).encode()))


async def _refuse_slow(send: Any) -> None:
    detail = (
        f"the body did not arrive in {GRACE_S:.0f} s and a second for each {BYTES_PER_S} bytes, or too many bodies of "
        "this address are unfinished; send it again"
    )
    await _problem(send, 408, detail, (b"connection", b"close"))


async def _problem(send: Any, status: int, detail: str, header: tuple[bytes, bytes]) -> None:
    headers = [(b"content-type", b"application/problem+json"), (b"access-control-allow-origin", b"*"), header]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": msgspec.json.encode(problem_content(status, detail))})
