"""The collector: a plain ASGI callable between the socket and the log, without any framework.

Callers authenticate with a project's write key. Answers are 202 (on disk), 400 (nothing could be taken), 401 (no such
write key), 405, 413 (too large), 415 (unknown Content-Encoding) and 503 (the log cannot write; Retry-After gives the
time to wait).
"""

from __future__ import annotations

import base64
import binascii
import logging
import zlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol
from urllib.parse import parse_qsl

import msgspec

from trackway.collect import native
from trackway.collect.address import plain
from trackway.collect.native import MAX_REQUEST, Refusal, Request
from trackway.collect.privacy import Privacy
from trackway.collect.pseudonym import DailySalt
from trackway.event import MESSAGE_TYPES, Arrival, Message, Millis, Rejection, Violation, now
from trackway.govern.write_keys import NoLoader
from trackway.log import Committer, LogUnavailable

logger = logging.getLogger("trackway.collect")

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_KINDS = {f"/v1/{kind}": kind for kind in (*MESSAGE_TYPES, "batch")}
# Segment's browser library uses the short paths.
_KINDS |= {f"/v1/{kind[0]}": kind for kind in (*MESSAGE_TYPES, "batch")}
_PIXEL_PATH = "/v1/pixel.gif"
_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_JSON, _PROBLEM = (b"content-type", b"application/json"), (b"content-type", b"application/problem+json")
_RETRY = (b"retry-after", b"5")
_encoder = msgspec.msgpack.Encoder()
_ONE_ACCEPTED = b'{"accepted":1}'


class Keys(Protocol):
    """The owners of write keys."""

    def project_of(self, write_key: str) -> bytes | None:
        """Return the project's id as 16 bytes, or None for an unknown key."""
        ...


class Plans(Protocol):
    """The projects' tracking plans."""

    def check(self, project_id: bytes, message: Message) -> list[Violation]:
        """Return the violations of the project's plan by a message."""
        ...


class Collector:
    """The ASGI application that collects messages.

    It serves `/v1/track|page|screen|identify|group|alias|batch` (or their first letters) and `/v1/pixel.gif`.
    """

    def __init__(
        self,
        committer: Committer,
        keys: Keys,
        plans: Plans,
        privacy: Privacy,
        salt: DailySalt,
    ) -> None:
        self._committer = committer
        self._keys = keys
        self._plans = plans
        self._privacy = privacy
        self._salt = salt
        self._basic: dict[bytes, str] = {}

    def serves(self, path: str) -> bool:
        """Whether a path belongs to the collector."""
        return path in _KINDS or path == _PIXEL_PATH

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        allowed = cors(headers)
        method, kind = scope["method"], _KINDS.get(scope["path"])
        try:
            if method == "OPTIONS":
                await answer(send, 204, b"", (*allowed, *preflight))
            elif kind is None and method == "GET":
                await self._pixel(scope, headers)
                await answer(send, 200, _PIXEL, (*allowed, (b"content-type", b"image/gif"), _NO_STORE))
            elif kind is not None and method == "POST":
                body = await read_body(receive, headers)
                received_at, user_agent = now(), _user_agent(headers)
                visitor_of = self._visitor_of(scope, user_agent, received_at)
                request = native.decode(kind, body, self._privacy, received_at, visitor_of)
                project_id = self.authenticate(headers, request.write_key)
                browser = _is_browser(user_agent)
                user_agent = user_agent if browser else ""
                if request.messages or request.rejections:
                    await self._append(scope, headers, project_id, request, user_agent, browser, received_at)
                status, content = _outcome(request)
                await answer(send, status, content, (*allowed, _JSON if status == 202 else _PROBLEM))
            else:
                raise Refusal(405, "method", "use POST for messages and GET for the pixel")
        except Refusal as error:
            await answer(send, error.status, problem(error), (*allowed, _PROBLEM))
        except LogUnavailable as error:
            logger.error("%s", error)
            refusal = Refusal(503, "log", "the messages could not be written to the log; send them again")
            await answer(send, 503, problem(refusal), (*allowed, _PROBLEM, _RETRY))

    def _append(
        self,
        scope: Scope,
        headers: dict[bytes, bytes],
        project_id: bytes,
        request: Request,
        user_agent: str,
        browser: bool,
        received_at: int,
    ) -> Awaitable[int]:
        """Append the request to the log; the returned future is done when it is on disk."""
        violations = self._violations(project_id, request)
        try:
            encoded = self.record(scope, headers, project_id, request, received_at, user_agent, browser, violations)
        except (OverflowError, UnicodeError):
            native.reject_unstorable(request)
            encoded = self.record(scope, headers, project_id, request, received_at, user_agent, browser, violations)
        record, arrival = encoded
        return self._committer.append(record, len(arrival.messages) + len(arrival.rejections))

    def record(
        self,
        scope: Scope,
        headers: dict[bytes, bytes],
        project_id: bytes,
        request: Request,
        received_at: Millis,
        user_agent: str | None = None,
        browser: bool | None = None,
        violations: list[Violation] | None = None,
    ) -> tuple[bytes, Arrival]:
        """Return a request's record for the log, and the arrival in it.

        The headers give the user agent, unless `user_agent` and `browser` are passed.

        Raises:
            OverflowError, UnicodeError: a message cannot be kept.
        """
        if user_agent is None or browser is None:
            user_agent = _user_agent(headers)
            browser = _is_browser(user_agent)
            user_agent = user_agent if browser else ""
        address = client(scope)
        arrival = Arrival(
            received_at,
            project_id,
            self._privacy.ip(address),
            self._privacy.locate(address),
            user_agent,
            headers.get(b"accept-language", b"").decode("latin-1")[:100],
            browser,
            request.sent_at,
            request.messages,
            [*request.rejections, *request.notes] if request.notes else request.rejections,
            violations or [],
        )
        return _encoder.encode(arrival), arrival

    def _violations(self, project_id: bytes, request: Request) -> list[Violation]:
        """Return the violations of the tracking plan by the request's messages; move messages that it rejects."""
        violations: list[Violation] = []
        for index in range(len(request.messages) - 1, -1, -1):
            broken = self._plans.check(project_id, request.messages[index])
            violations += broken
            if broken and broken[0].rejected:
                field = f"properties.{broken[0].property}" if broken[0].property else "event"
                request.reject(index, field, f"the tracking plan for {broken[0].event!r}: {broken[0].problem}")
        return violations

    async def _pixel(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        """Answer `GET /v1/pixel.gif?writeKey=…`: a page view (or `event=`) of a page without script."""
        values = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        project_id = self.authenticate({}, values.pop("writeKey", None))
        user_agent, received_at = _user_agent(headers), now()
        url = values.pop("url", "") or headers.get(b"referer", b"").decode("latin-1")
        page = {"url": url, "referrer": values.pop("referrer", ""), "title": values.pop("title", "")}
        event = values.pop("event", None)
        body: dict[str, Any] = {
            "type": "track" if event else "page",
            "event": event,
            "anonymousId": values.pop("anonymousId", None),
            "userId": values.pop("userId", None),
            "messageId": values.pop("messageId", None),
            "context": {"page": {name: value for name, value in page.items() if value}},
            "properties": values,
        }
        visitor_of = self._visitor_of(scope, user_agent, received_at)
        request = native.decode(body["type"], msgspec.json.encode(body), self._privacy, received_at, visitor_of)
        if request.messages or request.rejections:
            await self._append(scope, headers, project_id, request, user_agent, True, received_at)

    def _visitor_of(self, scope: Scope, user_agent: str, at: Millis) -> native.VisitorOf:
        """Return the function that gives messages without ids their visitor.

        The visitor is a pseudonym of the day, the IP address and the user agent; these are stated in the message's
        context, or taken from the request.
        """

        def visitor(context: dict[str, Any]) -> str:
            stated = context.get("ip")
            address = (plain(stated) if isinstance(stated, str) else "") or client(scope)
            return self._salt.pseudonym(at, address, str(context.get("userAgent") or user_agent))

        return visitor

    def authenticate(self, headers: dict[bytes, bytes], in_body: str | None) -> bytes:
        """Return the project of a write key, sent as HTTP Basic user name or in the body. Raises Refusal."""
        header = headers.get(b"authorization", b"")
        write_key = self._basic.get(header) or _basic_user(header) or in_body
        if write_key:
            try:
                project_id = self._keys.project_of(write_key)
            except NoLoader as error:
                raise Refusal(503, "log", f"{error}; send the messages again then") from error
            if project_id is not None:
                if header and len(self._basic) < 1000:
                    self._basic[header] = write_key
                return project_id
        problem = "no project has this write key" if write_key else "the write key is missing"
        raise Refusal(401, "writeKey", f"{problem}; send it as HTTP Basic user name or as writeKey in the body")


def client(scope: Scope) -> str:
    """Return the client's IP address of a request, as `web.server.limits.Limited` determined it."""
    client_and_port = scope.get("client")
    return str(client_and_port[0]) if client_and_port else ""


def _user_agent(headers: dict[bytes, bytes]) -> str:
    return headers.get(b"user-agent", b"").decode("latin-1")[:1024]


def _is_browser(user_agent: str) -> bool:
    """Whether a user agent is a browser's, or a crawler's that runs scripts; all others are libraries of servers."""
    return user_agent.startswith(("Mozilla/", "Opera/"))


def _basic_user(header: bytes) -> str | None:
    scheme, _, value = header.partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        return base64.b64decode(value.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return None


async def read_body(receive: Receive, headers: dict[bytes, bytes]) -> bytes:
    """Return the request's body, decompressed; never more than `MAX_REQUEST` bytes of it in memory."""
    body: bytes = b""
    while True:
        part = await receive()
        if part["type"] == "http.disconnect":
            raise Refusal(400, "body", "the connection closed before the body had arrived")
        body += part.get("body", b"")
        if len(body) > MAX_REQUEST:
            raise Refusal(413, "body", f"the body has more than {MAX_REQUEST} bytes; send smaller batches")
        if not part.get("more_body"):
            break
    encoding = headers.get(b"content-encoding", b"").lower()
    if encoding in (b"", b"identity"):
        return body
    if encoding not in (b"gzip", b"deflate"):
        raise Refusal(415, "Content-Encoding", "send gzip, deflate or no Content-Encoding")
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        unpacked = unpacker.decompress(body, MAX_REQUEST + 1)
    except zlib.error as error:
        raise Refusal(400, "body", f"the body is not {encoding.decode()}: {error}") from error
    if len(unpacked) > MAX_REQUEST:
        raise Refusal(413, "body", f"the body unpacks to more than {MAX_REQUEST} bytes; send smaller batches")
    if not unpacker.eof:
        raise Refusal(400, "body", "the compressed body ends too early")
    return unpacked


def _outcome(request: Request) -> tuple[int, bytes]:
    accepted = len(request.messages)
    if not (request.rejections or request.notes):
        return 202, _ONE_ACCEPTED if accepted == 1 else b'{"accepted":%d}' % accepted
    rejected = [_shown(rejection) for rejection in sorted(request.rejections, key=lambda rejection: rejection.index)]
    if accepted or not rejected:
        notes = [_shown(note) for note in request.notes]
        answer_body = {"accepted": accepted, "rejected": rejected, "notes": notes}
        return 202, msgspec.json.encode(
            {name: value for name, value in answer_body.items() if value or name == "accepted"}
        )
    refusal = Refusal(400, "batch", "no message could be accepted; errors says which and why")
    return 400, problem(refusal, rejected)


def _shown(rejection: Rejection) -> dict[str, Any]:
    return {
        "index": rejection.index if rejection.index >= 0 else None,
        **({"messageId": rejection.message_id} if rejection.message_id else {}),
        "field": rejection.field,
        "reason": rejection.reason,
    }


_TITLES = {
    400: "The request cannot be used",
    401: "Not authorized",
    404: "Not found",
    405: "Method not allowed",
    413: "Too large",
    415: "Unsupported encoding",
    503: "Cannot write now",
}


def problem(error: Refusal, errors: list[dict[str, Any]] | None = None) -> bytes:
    """Return a refusal as RFC 9457 problem+json."""
    return msgspec.json.encode(
        {
            "type": "about:blank",
            "title": _TITLES[error.status],
            "status": error.status,
            "detail": str(error),
            "errors": errors or [{"field": error.field, "reason": str(error)}],
        }
    )


_NO_STORE = (b"cache-control", b"no-store, private")
preflight = [
    (b"access-control-allow-methods", b"POST, GET, OPTIONS"),
    (b"access-control-allow-headers", b"authorization, content-type, content-encoding"),
    (b"access-control-max-age", b"86400"),
]


def cors(headers: dict[bytes, bytes]) -> tuple[tuple[bytes, bytes], ...]:
    """Return the CORS headers of an answer.

    Any page may send, with credentials, which `sendBeacon` always includes; the collector reads no cookie.
    """
    origin = headers.get(b"origin")
    if origin is None:
        return ()
    return (
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", b"retry-after"),
        (b"vary", b"origin"),
    )


Take = Callable[[dict[bytes, bytes], bytes], Awaitable[tuple[int, bytes]]]
"""A function that handles the headers and the body of a POST; it returns a status and JSON."""


async def posted(
    scope: Scope, receive: Receive, send: Send, take: Take, retryable_errors: tuple[type[Exception], ...]
) -> None:
    """Answer an endpoint that any page may post to: a Refusal as a problem, `retryable_errors` with 503."""
    headers = dict(scope["headers"])
    allowed = cors(headers)
    try:
        if scope["method"] == "OPTIONS":
            await answer(send, 204, b"", (*allowed, *preflight))
            return
        if scope["method"] != "POST":
            raise Refusal(405, "method", "use POST")
        status, content = await take(headers, await read_body(receive, headers))
        await answer(send, status, content, (*allowed, _JSON))
    except Refusal as error:
        await answer(send, error.status, problem(error), (*allowed, _PROBLEM))
    except retryable_errors as error:
        logger.error("%s cannot be answered: %s", scope["path"], error)
        refusal = Refusal(503, "log", "it could not be written to the log at this moment; send it again")
        await answer(send, 503, problem(refusal), (*allowed, _PROBLEM, _RETRY))


async def answer(send: Send, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Send a whole response."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": (*headers, length)})
    await send({"type": "http.response.body", "body": body})
