"""Requests that ask the engine: so many of a project at once, and what many ask at once is answered once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
from litestar.connection import ASGIConnection
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from trackway.analyze.answers import Answers, Version, settings_of
from trackway.analyze.concurrency import Slots
from trackway.web.server.caller import allowed

_OF_THIS_MOMENT = ("/live", "/version", "/rejections")


class _Response(msgspec.Struct, array_like=True):
    """A response as it goes over the wire."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class _Refused(Exception):
    """A response that is not kept."""

    def __init__(self, response: _Response) -> None:
        self.response = response


class LimitConcurrency(ASGIMiddleware):
    """Requests that ask the engine wait for a slot of their project; one asked again is answered from what is kept.

    Args:
        version: of which data answers about a project are now.
    """

    def __init__(self, slots: Slots, answers: Answers, version: Callable[[UUID], Version]) -> None:
        self._slots, self._answers, self._version = slots, answers, version

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Answer from what is kept, or pass the request on when the project has a free slot."""
        given: dict[str, Any] = scope.get("path_params", {})
        project_id = UUID(str(given["project_id"]))
        request: Any = scope
        policy = request["user"].policy(request["user"].project(project_id))
        slot, path = self._slots.of(policy), request["path"]
        if request["method"] != "GET" or path.endswith(_OF_THIS_MOMENT):
            async with slot:
                await next_app(scope, receive, send)
            return
        # Who may not ask is refused here, and gets nothing that is kept; what is kept is of the rows that one sees.
        allowed(ASGIConnection(scope), request["route_handler"])
        project = request["user"].project(project_id)

        async def compute() -> bytes:
            response = _Response(500, [], b"")

            async def collect(message: Message) -> None:
                if message["type"] == "http.response.start":
                    response.status, response.headers = message["status"], list(message["headers"])
                elif message["type"] == "http.response.body":
                    response.body += message["body"]

            async with slot:
                await next_app(scope, receive, collect)
            if response.status != 200:
                raise _Refused(response)
            return msgspec.msgpack.encode(response)

        # "Today" and "active" move on by themselves: what is kept is of this minute.
        asked = [settings_of(project), policy, path, request["query_string"].decode("latin-1"), int(time.time() // 60)]
        key = msgspec.json.encode(asked).decode()
        version = self._version(project_id)
        try:
            kept = self._answers.find(key, version) or await self._answers.make(key, version, compute, lambda: None)
            response = msgspec.msgpack.decode(kept.body, type=_Response)
        except _Refused as refused:
            response = refused.response
        start: Any = {"type": "http.response.start", "status": response.status, "headers": response.headers}
        await send(start)
        await send({"type": "http.response.body", "body": response.body, "more_body": False})
