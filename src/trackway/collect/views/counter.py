"""The view counter: `POST /v1/entities/{type}/{id}/view` and `POST /api/profiles/{id}/track-view`.

Callers authenticate with a project's write key (HTTP Basic, `writeKey` in the body or in the URL), its secret key,
or a token of the host (`Authorization: Bearer`). The body is `{"session_id", "referrer_source"}`; `anonymous_id` names
the visitor. A host's token proves the viewer; a caller with the secret key may state the viewer (`viewer_id`, or
`user_id`). A viewer stated with the write key alone, which is public, is stored with the view as a claim, and the view
has no viewer.

Answers are 200 (`tracked` tells whether the view counted, `reason` why not), 400 without a session, 401, 404 for an
entity that is not in a closed register, 405, 413, 415 and 503. A view that counted is on disk before the answer is
sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, NamedTuple, Protocol
from urllib.parse import parse_qsl

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from trackway.collect.door import Collector, Receive, Scope, Send, posted
from trackway.collect.ids import BadField, optional_id
from trackway.collect.json_body import decode_body
from trackway.collect.native import COUNTER, VIEW, Refusal, Request
from trackway.collect.views.in_database import ViewsInDatabase
from trackway.collect.views.in_memory import ViewsInMemory
from trackway.collect.views.ledger import Ledger, View, entity_key, view_key
from trackway.event import Arrival, Message, now
from trackway.log import Committer, Log, LogUnavailable
from trackway.log.local import LocalLog

CLAIMED = "claimed_viewer_id"
"""The property of a view that holds the viewer claimed by its sender."""
_AGAIN = "Already tracked within 24 hours"

_Text = Annotated[str, msgspec.Meta(max_length=255)]


class ViewBody(msgspec.Struct):
    """The body of a view."""

    session_id: str | int | float | None = None
    referrer_source: _Text | None = None
    viewer_id: str | int | float | None = None
    user_id: str | int | float | None = None
    anonymous_id: str | int | float | None = None
    writeKey: str = ""  # noqa: N815 - as every other body spells it


class Proof(NamedTuple):
    """The project and the viewer that a secret proves; the viewer is empty for a host, which may state any viewer."""

    project_id: bytes
    viewer_id: str


class NoProof(Exception):
    """A secret that proves nothing; the text gives the reason."""


_body = msgspec.json.Decoder(ViewBody)
Prove = Callable[[str], Awaitable[Proof]]
"""A function that returns what a secret key or a host's token proves. Raises NoProof."""
IsCounted = Callable[[bytes, str, str], Awaitable[bool]]
"""A function that returns whether a project counts views of an entity: always, unless its closed register lacks it."""


class Views(Protocol):
    """A decider of views: `ViewsInMemory` or `ViewsInDatabase`."""

    async def count(self, view: View) -> bool:
        """Return whether a view counts; if it does, it is on disk."""
        ...

    def under_way(self) -> Sequence[asyncio.Future[Any]]:
        """Return the views that are being decided or written to the log."""
        ...

    async def finish(self) -> None:
        """Wait until the views that counted are in the log."""
        ...


def decider(ledger: Ledger, committer: Committer, log: Log, shared: bool) -> Views:
    """Return what decides: the database when other collectors use it too or the log is not a local one, else memory."""
    if shared or not isinstance(log, LocalLog):
        return ViewsInDatabase(ledger, committer)
    return ViewsInMemory(ledger, committer, log)


class ViewCounter:
    """The ASGI application of the two endpoints.

    Args:
        collector: authenticates requests and makes log records of them.
        views: decides which views count.
        known: tells whether a project counts views of an entity.
        bot: returns the reason why an arrival counts as a bot in its project, or empty.
        prove: reads secrets.
        trusting: accept a viewer that is stated with the write key alone.
    """

    def __init__(
        self,
        collector: Collector,
        views: Views,
        known: IsCounted,
        bot: Callable[[Arrival], str],
        prove: Prove,
        trusting: bool = False,
    ) -> None:
        self._collector, self._views = collector, views
        self._known, self._bot, self._prove, self._trusting = known, bot, prove, trusting

    def serves(self, path: str) -> bool:
        """Whether a path belongs to the view counter."""
        return entity_of(path) is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def take(headers: dict[bytes, bytes], content: bytes) -> tuple[int, bytes]:
            reason = await self._count(scope, headers, content)
            if reason:
                return 200, msgspec.json.encode({"tracked": False, "reason": reason})
            profile = scope["path"].startswith("/api/profiles/")
            message = "Profile view tracked successfully" if profile else "View tracked"
            return 200, msgspec.json.encode({"tracked": True, "message": message})

        await posted(scope, receive, send, take, (LogUnavailable, SQLAlchemyError))

    async def _count(self, scope: Scope, headers: dict[bytes, bytes], content: bytes) -> str:
        """Count a view; return the reason why it does not count, or empty."""
        entity_type, entity_id = entity_of(scope["path"]) or ("", "")
        viewed = decode_body(content, _body)
        project_id, proven = await self._project_and_viewer(scope, headers, viewed)
        try:
            session_id, anonymous_id = (
                optional_id("session_id", viewed.session_id),
                optional_id("anonymous_id", viewed.anonymous_id),
            )
            stated = optional_id("viewer_id", viewed.viewer_id) or optional_id("user_id", viewed.user_id)
        except BadField as error:
            raise Refusal(400, error.field, str(error)) from error
        if not session_id:
            raise Refusal(
                400, "session_id", "session_id is missing or a placeholder; send the session in which the view happened"
            )
        if proven and stated not in ("", proven):
            raise Refusal(400, "viewer_id", f"the token is {proven!r}'s; leave viewer_id out")
        if not await self._known(project_id, entity_type, entity_id):
            raise Refusal(404, "id", f"there is no {entity_type} {entity_id!r} in the project's register")
        user_id = (stated or proven) if proven is not None else ""
        at = now()
        entity = entity_key(project_id, entity_type, entity_id)
        key = view_key(entity, f"session {session_id}")
        properties = {"entity_type": entity_type, "entity_id": entity_id}
        if viewed.referrer_source:
            properties["referrer_source"] = viewed.referrer_source
        if stated and not user_id:
            properties[CLAIMED] = stated
        message = Message(
            type="track",
            event=VIEW,
            message_id=f"view-{key.hex()}-{at}",
            anonymous_id=anonymous_id or (None if user_id else f"session:{session_id}"),
            user_id=user_id or None,
            timestamp=at,
            context={"sessionId": session_id, "library": {"name": COUNTER}},
            properties=properties,
        )
        try:
            record, arrival = self._collector.record(scope, headers, project_id, Request([message], [0], []), at)
        except UnicodeError as error:
            raise Refusal(400, "body", "the address or the body is not UTF-8") from error
        viewer = view_key(entity, f"user {user_id}") if user_id else b""
        bot = self._bot(arrival)
        if bot:
            # With a key of its own, a bot's view does not use up the view of a person in the same session.
            key = view_key(key, "bot")
        if not await self._views.count(View(key, at, record, entity, viewer, bool(bot))) and not bot:
            return _AGAIN
        return f"Not counted, as this is taken for a bot ({bot})" if bot else ""

    async def _project_and_viewer(
        self, scope: Scope, headers: dict[bytes, bytes], viewed: ViewBody
    ) -> tuple[bytes, str | None]:
        """Return the project and the proven viewer.

        The viewer is empty when the stated viewer is accepted, and None when no viewer is.
        """
        scheme, _, secret = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() == "bearer":
            try:
                return await self._prove(secret.strip())
            except NoProof as error:
                raise Refusal(401, "authorization", str(error)) from error
        in_address = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("writeKey")
        return self._collector.authenticate(headers, viewed.writeKey or in_address), "" if self._trusting else None

    def under_way(self) -> Sequence[asyncio.Future[Any]]:
        """Return the views that are being decided or written to the log."""
        return self._views.under_way()

    async def finish(self) -> None:
        """Wait until the views that counted are in the log."""
        await self._views.finish()


def entity_of(path: str) -> tuple[str, str] | None:
    """Return the type and id of the entity in a path of the view counter."""
    parts = path.strip("/").split("/")
    if len(parts) == 4 and parts[:2] == ["api", "profiles"] and parts[3] == "track-view" and parts[2]:
        return "profile", parts[2]
    if len(parts) >= 5 and parts[:2] == ["v1", "entities"] and parts[-1] == "view" and parts[2]:
        entity_id = "/".join(parts[3:-1])
        return (parts[2], entity_id) if entity_id and len(path) <= 600 else None
    return None
