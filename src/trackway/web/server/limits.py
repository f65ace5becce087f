"""Rate limits for requests, by IP address and by key, and for failed sign-ins.

Counts are kept in this process, in fixed windows of the library `limits`; IPv6 addresses count by their /64.
"""

from __future__ import annotations

import ipaddress
import math
import time
from typing import Any

import msgspec
from limits import RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from litestar.exceptions import TooManyRequestsException

from trackway.collect.address import Addresses
from trackway.config import Settings
from trackway.govern.identity.sign_ins import RequestOrigin
from trackway.web.server.slow_bodies import BYTES_PER_S, GRACE_S, Bodies, Body

_KEYS_TIMES = 10
_FAILURES_OF_USER = 50
_LINKS_OF_ADDRESS, _LINKS_OF_USER = RateLimitItemPerHour(20), RateLimitItemPerHour(5)


class Limits:
    """Counts requests and failures, and compares them with the settings."""

    def __init__(self, settings: Settings) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        most = settings.requests_per_minute
        self._address = RateLimitItemPerMinute(most) if most else None
        self._key = RateLimitItemPerMinute(most * _KEYS_TIMES) if most else None
        failures = settings.failed_sign_ins_per_minute
        self._failures = RateLimitItemPerMinute(failures) if failures else None
        self._failures_of_user = RateLimitItemPerHour(_FAILURES_OF_USER)

    def wait(self, address: str, key: str) -> int:
        """Count a request. Returns the seconds to wait before it may be answered, 0 for none."""
        for item, kind, name in ((self._address, "address", network(address)), (self._key, "key", key)):
            if item is not None and name and not self._limiter.hit(item, kind, name):
                return self._left(item, kind, name)
        return 0

    def may_sign_in(self, origin: RequestOrigin, name: str) -> None:
        """Check that an IP address may attempt a sign-in. Raises TooManyRequestsException after too many failures of
        the address, or of the address for this user.

        Failures for a user count separately for each address, so that nobody can lock a user out from elsewhere.
        """
        if self._failures is None:
            return
        for item, names in self._of(origin, name):
            if not self._limiter.test(item, *names):
                seconds = self._left(item, *names)
                raise TooManyRequestsException(
                    f"too many failed sign-ins; try again in {seconds} s",
                    headers={"retry-after": str(seconds)},
                )

    def failed(self, origin: RequestOrigin, name: str) -> None:
        """Count a failed sign-in."""
        if self._failures is not None:
            for item, names in self._of(origin, name):
                self._limiter.hit(item, *names)

    def may_ask_for_link(self, origin: RequestOrigin, email: str) -> None:
        """Count a request for a link by mail, whether the user exists or not.

        Raises TooManyRequestsException after twenty requests of an IP address, or five for a user, in an hour.
        """
        address, user = network(origin.address), email.strip().lower()
        for item, kind, name in ((_LINKS_OF_ADDRESS, "links", address), (_LINKS_OF_USER, "links to", user)):
            if not self._limiter.hit(item, kind, name):
                seconds = self._left(item, kind, name)
                raise TooManyRequestsException(
                    f"too many links were requested; check your mail, or try again in {seconds} s",
                    headers={"retry-after": str(seconds)},
                )

    def _of(self, origin: RequestOrigin, name: str) -> list[tuple[Any, tuple[str, str]]]:
        address = network(origin.address)
        return [
            (self._failures, ("failed", address)),
            (self._failures_of_user, ("failed as", f"{address} {name.strip().lower()}")),
        ]

    def _left(self, item: Any, kind: str, name: str) -> int:
        return max(1, math.ceil(self._limiter.get_window_stats(item, kind, name).reset_time - time.time()))


def network(address: str) -> str:
    """Return the network that an address counts as: an IPv4 address itself, the /64 of an IPv6 address."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address, 64), strict=False))
    except ValueError:
        return address


_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"same-origin")]
_HSTS = (b"strict-transport-security", b"max-age=31536000")
_NOT_KEPT = (b"cache-control", b"no-store")


class Limited:
    """The whole application with its limits; adds the headers that every answer has."""

    def __init__(self, app: Any, limits: Limits, settings: Settings) -> None:
        self._app, self._limits, self._addresses = app, limits, Addresses(settings)
        self._bodies = Bodies(settings.connections_per_address)
        self._headers = [*_HEADERS, _HSTS] if settings.url.startswith("https:") else _HEADERS

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        address = self._addresses.of(scope)
        # The client's IP address is determined here and nowhere else; all later code reads it from the scope.
        scope["client"] = (address, (scope.get("client") or ("", 0))[1])
        body = Body(self._bodies, receive, network(address))
        guarded = self._guarded(scope["path"], send, body)
        if seconds := self._limits.wait(address, _key(scope)):
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
        added = self._headers if not path.startswith("/api/") else [*self._headers, _NOT_KEPT]

        async def guarded(message: Any) -> None:
            if body.cut:
                return  # the application believes that the connection is closed; its answer is dropped
            if message["type"] == "http.response.start":
                own_headers = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(header for header in added if header[0] not in own_headers),
                ]
            await send(message)

        return guarded


def _key(scope: Any) -> str:
    return next((value.decode("latin-1")[:200] for name, value in scope["headers"] if name == b"authorization"), "")


async def _refuse(send: Any, seconds: int) -> None:
    detail = f"too many requests; send the next one in {seconds} s"
    await _problem(send, 429, "Too Many Requests", detail, (b"retry-after", str(seconds).encode()))


async def _refuse_slow(send: Any) -> None:
    detail = (
        f"the body did not arrive in {GRACE_S:.0f} s and a second for each {BYTES_PER_S} bytes, or too many bodies of "
        "this address are unfinished; send it again"
    )
    await _problem(send, 408, "Request Timeout", detail, (b"connection", b"close"))


async def _problem(send: Any, status: int, title: str, detail: str, header: tuple[bytes, bytes]) -> None:
    body = {"type": "about:blank", "title": title, "status": status, "errors": [], "detail": detail}
    headers = [(b"content-type", b"application/problem+json"), (b"access-control-allow-origin", b"*"), header]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": msgspec.json.encode(body)})
