"""The view counter: `POST /v1/entities/{type}/{id}/view` and `POST /api/profiles/{id}/track-view`.

Who may call: anyone who has a project's write key (HTTP Basic, `writeKey` in the body or in the address). The body is
`{"session_id", "referrer_source"}`; `user_id` and `anonymous_id` say who it is when that is known. Answers are 200
(`tracked` says whether it counted), 400 without a session, 401, 404 for an entity that is not in a closed register,
405, 413 and 503. A view that counted is on disk, in the ledger, when the answer is given.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import parse_qsl

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from trackway.collect.broken import whole_characters
from trackway.collect.door import Collector, Receive, Scope, Send, posted
from trackway.collect.ids import Wrong, named
from trackway.collect.ledger import Ledger, View, entity_key, view_key
from trackway.collect.native import Refusal, Request
from trackway.event import Arrival, Message, now
from trackway.log import Committer, LogUnavailable

logger = logging.getLogger("trackway.collect")

EVENT, LIBRARY = "view", "views"
"""A view that counted is an event of this name from this library; views that pages report themselves are not."""
_TRACKED = b'{"tracked":true,"message":"View tracked"}'
_AGAIN = b'{"tracked":false,"reason":"Already tracked within 24 hours"}'

_Text = Annotated[str, msgspec.Meta(max_length=255)]


class Viewed(msgspec.Struct):
    """The body of a view."""

    session_id: str | int | float | None = None
    referrer_source: _Text | None = None
    user_id: str | int | float | None = None
    anonymous_id: str | int | float | None = None
    writeKey: str = ""  # noqa: N815 - as every other body spells it


_body = msgspec.json.Decoder(Viewed)
Known = Callable[[bytes, str, str], Awaitable[bool]]
"""Whether a project counts views of an entity: always, unless it keeps a register that has it not."""


class ViewCounter:
    """The ASGI application of the two addresses.

    Args:
        collector: authenticates and says how a request came.
        is_bot: whether an arrival is no person's, as far as its project goes.
        stored: whether the store has the view of a record.
    """

    def __init__(
        self,
        collector: Collector,
        committer: Committer,
        ledger: Ledger,
        known: Known,
        is_bot: Callable[[Arrival], bool],
        stored: Callable[[bytes], Awaitable[bool]],
    ) -> None:
        self._collector, self._committer, self._ledger = collector, committer, ledger
        self._known, self._is_bot, self._stored = known, is_bot, stored
        self._logging: set[asyncio.Future[None]] = set()

    def serves(self, path: str) -> bool:
        """Whether a path is the view counter's."""
        return entity_of(path) is not None

    async def resume(self) -> None:
        """Log what counted before the process ended and may not be logged.

        What is stored is left alone, however long ago it was; what is in the log only is stored once by its message id.
        """
        for key, record in self._ledger.unlogged():
            if not await self._stored(record):
                await self._committer.append(record, 1)
            self._ledger.logged(key)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def take(headers: dict[bytes, bytes], content: bytes) -> tuple[int, bytes]:
            return 200, _TRACKED if await self._count(scope, headers, content) else _AGAIN

        await posted(scope, receive, send, take, (LogUnavailable, SQLAlchemyError))

    async def _count(self, scope: Scope, headers: dict[bytes, bytes], content: bytes) -> bool:
        entity_type, entity_id = entity_of(scope["path"]) or ("", "")
        viewed = _read(content)
        given = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("writeKey")
        project_id = self._collector.authenticate(headers, viewed.writeKey or given)
        try:
            session_id = named("session_id", viewed.session_id)
            user_id, anonymous_id = named("user_id", viewed.user_id), named("anonymous_id", viewed.anonymous_id)
        except Wrong as error:
            raise Refusal(400, error.field, str(error)) from error
        if not session_id:
            raise Refusal(400, "session_id", "session_id is missing or a placeholder; it says whose views are one")
        if not await self._known(project_id, entity_type, entity_id):
            raise Refusal(404, "id", f"there is no {entity_type} {entity_id!r} in the project's register")
        at = now()
        entity = entity_key(project_id, entity_type, entity_id)
        key = view_key(entity, f"session {session_id}")
        properties = {"entity_type": entity_type, "entity_id": entity_id}
        if viewed.referrer_source:
            properties["referrer_source"] = viewed.referrer_source
        message = Message(
            type="track",
            event=EVENT,
            message_id=f"view-{key.hex()}-{at}",
            anonymous_id=anonymous_id or (None if user_id else f"session:{session_id}"),
            user_id=user_id or None,
            timestamp=at,
            context={"sessionId": session_id, "library": {"name": LIBRARY}},
            properties=properties,
        )
        try:
            record, arrival = self._collector.record(scope, headers, project_id, Request([message], [0], []), at)
        except UnicodeError as error:
            raise Refusal(400, "body", "the address or the body is not UTF-8") from error
        viewer = view_key(entity, f"user {user_id}") if user_id else b""
        if not await self._ledger.counts(View(key, at, record, entity, viewer, self._is_bot(arrival))):
            return False
        # It is on disk in the ledger; the log has it next, and nobody waits for that.
        task = asyncio.ensure_future(self._log(key, record))
        self._logging.add(task)
        task.add_done_callback(self._logging.discard)
        return True

    async def _log(self, key: bytes, record: bytes) -> None:
        try:
            await self._committer.append(record, 1)
        except LogUnavailable as error:
            logger.error("%s; a view waits in the ledger for the next start", error)
            return
        self._ledger.logged(key)

    async def finish(self) -> None:
        """Let what counted get into the log."""
        while self._logging:
            await asyncio.gather(*self._logging, return_exceptions=True)


def entity_of(path: str) -> tuple[str, str] | None:
    """Type and id of the entity that an address of the view counter names."""
    parts = path.strip("/").split("/")
    if len(parts) == 4 and parts[:2] == ["api", "profiles"] and parts[3] == "track-view" and parts[2]:
        return "profile", parts[2]
    if len(parts) >= 5 and parts[:2] == ["v1", "entities"] and parts[-1] == "view" and parts[2]:
        entity_id = "/".join(parts[3:-1])
        return (parts[2], entity_id) if entity_id and len(path) <= 600 else None
    return None


def _read(content: bytes) -> Viewed:
    try:
        return _body.decode(whole_characters(content) or b"{}")
    except msgspec.ValidationError as error:
        text = str(error)
        field = text.partition("`$.")[2].partition("`")[0]
        raise Refusal(400, field or "body", text) from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Refusal(400, "body", f"the body is not valid JSON: {error}") from error
