"""Middleware for ASGI and WSGI applications that records the page views of a server.

Each HTML page that answers a GET is one page view, recorded after the answer. The browser SDK's cookies identify the
visitor. Without them, Trackway uses a daily pseudonym, computed from IP address and user agent.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any
from urllib.parse import unquote

from trackway.client.client import Trackway

logger = logging.getLogger("trackway.client")

Asgi = Callable[[Any, Any, Any], Awaitable[None]]


class TrackwayASGI:
    """Middleware around an ASGI application (Litestar, FastAPI, Django, Starlette, ...).

    Args:
        app: the application.
        client: records the page views.
        trust_proxy: take the visitor's IP address from X-Forwarded-For, to which that number of trusted proxies (True:
            one) have appended.
    """

    def __init__(self, app: Asgi, client: Trackway, trust_proxy: bool | int = False) -> None:
        self.app, self._client, self._trust_proxy = app, client, trust_proxy

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer as the application does, and record the page view afterwards."""
        if scope["type"] != "http" or scope["method"] != "GET":
            return await self.app(scope, receive, send)
        began, answer = time.monotonic(), {"status": 0, "kind": ""}

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                kinds = [value for name, value in message.get("headers", []) if name.lower() == b"content-type"]
                answer.update(status=message["status"], kind=kinds[0].decode("latin-1") if kinds else "")
            await send(message)

        await self.app(scope, receive, sending)
        try:
            headers = _joined(scope["headers"])
            address = scope["client"][0] if scope.get("client") else ""
            query = scope.get("query_string", b"").decode("latin-1")
            url = (
                f"{scope.get('scheme', 'http')}://{headers.get('host', '')}{scope['path']}{'?' if query else ''}{query}"
            )
            _record(self._client, url, headers, address, self._trust_proxy, answer, began)
        except Exception:
            logger.exception("a page view was not recorded")


def _joined(lines: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by their names in lower case, with all lines of a name as one value, in order (RFC 9110)."""
    headers: dict[str, str] = {}
    for name, value in lines:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        between = "; " if key == "cookie" else ", "  # HTTP/2 sends each cookie in a line of its own
        headers[key] = f"{headers[key]}{between}{text}" if key in headers else text
    return headers


class TrackwayWSGI:
    """Middleware around a WSGI application (Flask, Django, Bottle, ...); arguments as for `TrackwayASGI`."""

    def __init__(self, app: Callable[..., Iterable[bytes]], client: Trackway, trust_proxy: bool | int = False) -> None:
        self.app, self._client, self._trust_proxy = app, client, trust_proxy

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer as the application does, and record the page view when the answer is closed."""
        if environ.get("REQUEST_METHOD") != "GET":
            return self.app(environ, start_response)
        began, answer = time.monotonic(), {"status": 0, "kind": ""}

        def starting(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            kinds = [value for name, value in headers if name.lower() == "content-type"]
            answer.update(status=int(status.split(maxsplit=1)[0]), kind=kinds[0] if kinds else "")
            return start_response(status, headers, *more)

        return _Recorded(self.app(environ, starting), lambda: self._record(environ, answer, began))

    def _record(self, environ: dict[str, Any], answer: dict[str, Any], began: float) -> None:
        headers = {
            name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")
        }
        query = environ.get("QUERY_STRING", "")
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        url = f"{environ.get('wsgi.url_scheme', 'http')}://{headers.get('host', '')}{path}{'?' if query else ''}{query}"
        _record(self._client, url, headers, environ.get("REMOTE_ADDR", ""), self._trust_proxy, answer, began)


class _Recorded:
    """A WSGI answer that calls a function when it is closed."""

    def __init__(self, body: Iterable[bytes], then: Callable[[], None]) -> None:
        self._body, self._then = body, then

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        """Close the answer and call the function; the server calls this at the end of every answer."""
        try:
            if hasattr(self._body, "close"):
                self._body.close()
        finally:
            try:
                self._then()
            except Exception:
                logger.exception("a page view was not recorded")


def _record(
    client: Trackway, url: str, headers: dict[str, str], address: str, trust_proxy: bool | int, answer: dict[str, Any],
    began: float,
) -> None:  # fmt: skip
    if "html" not in answer["kind"] or headers.get("sec-gpc") == "1" or headers.get("dnt") == "1":
        return
    if trust_proxy and "x-forwarded-for" in headers:
        # Count from the end: earlier addresses are sent by the client and may be forged.
        address = headers["x-forwarded-for"].split(",")[-int(trust_proxy) :][0].strip()
    visitor = from_cookies(headers.get("cookie", ""))
    context: dict[str, Any] = {
        "ip": address,
        "userAgent": headers.get("user-agent", ""),
        "locale": headers.get("accept-language", "").partition(",")[0],
        "page": {"url": url, "referrer": headers.get("referer", "")},
        **visitor["context"],
    }
    properties = {"status": answer["status"], "duration_ms": round((time.monotonic() - began) * 1000, 1)}
    client.page(visitor["user_id"], properties=properties, context=context, anonymous_id=visitor["anonymous_id"])


def from_cookies(header: str) -> dict[str, Any]:
    """Return the visitor and session of a browser, from the SDK's cookies.

    Args:
        header: the request's `Cookie` header.

    Returns:
        `user_id`, `anonymous_id` and `context`, to be passed to a client's calls. Messages that the server records
        while it answers a browser then belong to the browser's session: `trackway.track(event="Order Completed",
        properties={…}, **from_cookies(request.headers["cookie"]))`.
    """
    pairs = (part.strip().partition("=") for part in header.split(";"))
    cookies = {name: unquote(value) for name, _, value in pairs}
    context: dict[str, Any] = {}
    with contextlib.suppress(KeyError, ValueError, IndexError, TypeError):
        context["sessionId"] = str(json.loads(cookies["tw_s"])[0])
    return {
        "user_id": cookies.get("tw_u") or None,
        "anonymous_id": cookies.get("tw_id") or None,
        "context": context,
    }
