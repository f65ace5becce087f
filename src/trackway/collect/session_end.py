"""Ending sessions by id: `POST /api/analytics/session/end` and `POST /v1/sessions/end`.

Callers authenticate with a project's write key (HTTP Basic, `writeKey` in the body or in the URL); beacons can do
this. The body is `{"session_id"}`: the id from Trackway's answers, or the client's own name for the session.
`anonymous_id` names the visitor; it is needed when several visitors have sessions with the same name, and for a session
of which nothing has arrived yet. Answers are 202 (it ends now, and that is on disk), 200 (it had ended before; nothing
changes), 400, 401, 404 for an unknown session, 405, 413, 415 and 503.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from trackway.collect.door import Collector, Receive, Scope, Send, posted
from trackway.collect.ids import MAX_ID, BadField, optional_id
from trackway.collect.json_body import decode_body
from trackway.collect.native import Refusal, Request
from trackway.event import GAP, Message, Millis, now
from trackway.log import Committer, LogUnavailable

PATHS = ("/api/analytics/session/end", "/v1/sessions/end")
EVENT, LIBRARY = "Session Ended", "session-end"


class KnownSession(NamedTuple):
    """A stored session: its name in messages (empty when no client named it), its visitor and user, and its times."""

    name: str
    visitor_id: str
    user_id: str
    started_at: Millis
    ended_at: Millis
    closed: bool


class NotStoredYet(Exception):
    """Earlier messages are not stored yet, so that the session cannot be looked up."""


class Ambiguous(Exception):
    """Several visitors have a session with the same name; the text says so."""


Look = Callable[[bytes, str, str], Awaitable[KnownSession | None]]
"""A function that finds a session by project, id and, if given, visitor, once all earlier messages are stored."""


class _Body(msgspec.Struct):
    session_id: str | int | float | None = None
    anonymous_id: str | int | float | None = None
    writeKey: str = ""  # noqa: N815 - as every other body spells it


_body = msgspec.json.Decoder(_Body)


class SessionEnder:
    """The ASGI application of the endpoints.

    Args:
        collector: authenticates requests and makes log records of them.
        committer: appends records to the log.
        look: finds sessions.
    """

    def __init__(self, collector: Collector, committer: Committer, look: Look) -> None:
        self._collector, self._committer, self._look = collector, committer, look

    def serves(self, path: str) -> bool:
        """Whether a path ends sessions."""
        return path in PATHS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def take(headers: dict[bytes, bytes], content: bytes) -> tuple[int, bytes]:
            status, body = await self._end(scope, headers, content)
            return status, msgspec.json.encode(body)

        await posted(scope, receive, send, take, (LogUnavailable, NotStoredYet))

    async def _end(self, scope: Scope, headers: dict[bytes, bytes], content: bytes) -> tuple[int, dict[str, Any]]:
        body = decode_body(content, _body)
        in_address = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("writeKey")
        project_id = self._collector.authenticate(headers, body.writeKey or in_address)
        try:
            session_id, visitor_id = (
                optional_id("session_id", body.session_id),
                optional_id("anonymous_id", body.anonymous_id),
            )
        except BadField as error:
            raise Refusal(400, error.field, str(error)) from error
        if not session_id:
            raise Refusal(400, "session_id", f"session_id is missing; send the session's id, 1 to {MAX_ID} characters")
        at = now()
        try:
            known = await self._look(project_id, session_id, visitor_id)
        except Ambiguous as error:
            raise Refusal(400, "anonymous_id", str(error)) from error
        if known is None and not visitor_id:
            raise Refusal(404, "session_id", f"there is no session {session_id!r}; send its anonymous_id as well")
        if known is not None and (known.closed or at - known.ended_at >= GAP):
            return 200, _shown(session_id, known.started_at, known.ended_at)
        known = known or KnownSession(session_id, visitor_id, "", at, at, False)
        without_visitor = known.visitor_id.startswith("user:")
        message = Message(
            type="track",
            event=EVENT,
            # Ending the session twice makes one message, until something else happens in the session.
            message_id=f"end-{session_id}-{known.ended_at}"[-MAX_ID:],
            anonymous_id=None if without_visitor else known.visitor_id,
            user_id=known.user_id or None,
            timestamp=at,
            context={"library": {"name": LIBRARY}, **({"sessionId": known.name} if known.name else {})},
        )
        try:
            record, _ = self._collector.record(scope, headers, project_id, Request([message], [0], []), at)
        except UnicodeError as error:
            raise Refusal(400, "session_id", "the id is not UTF-8") from error
        await self._committer.append(record, 1)
        return 202, _shown(session_id, known.started_at, at)


def _shown(session_id: str, started_at: Millis, ended_at: Millis) -> dict[str, Any]:
    return {
        "session_id": session_id,
        "ended_at": datetime.fromtimestamp(ended_at / 1000, UTC),
        "duration_s": (ended_at - started_at) / 1000,
    }
