"""Limits the concurrent engine requests of each project, and answers identical requests once."""

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
    """A complete HTTP response."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class _Refused(Exception):
    """A response that must not be cached."""

    def __init__(self, response: _Response) -> None:
        self.response = response


class LimitConcurrency(ASGIMiddleware):
    """Makes engine requests wait for a slot of their project; a repeated request is answered from the cache.

    Args:
        version: returns the version of a project's data that answers are based on now.
    """

    def __init__(self, slots: Slots, answers: Answers, version: Callable[[UUID], Version]) -> None:
        self._slots, self._answers, self._version = slots, answers, version

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Answer from the cache, or pass the request on when the project has a free slot."""
        path_params: dict[str, Any] = scope.get("path_params", {})
        project_id = UUID(str(path_params["project_id"]))
        request: Any = scope
        policy = request["user"].policy(request["user"].project(project_id))
        slot, path = self._slots.of(policy), request["path"]
        if request["method"] != "GET" or path.endswith(_OF_THIS_MOMENT):
            async with slot:
                await next_app(scope, receive, send)
            return
        # The guard runs before the cache, so that a caller without the permission gets no cached answer. The key
        # contains the policy, so that answers are shared only among callers who see the same rows.
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

        # "Today" and "active" change with time alone, so a cached answer is valid only within its minute.
        identity = [
            settings_of(project),
            policy,
            path,
            request["query_string"].decode("latin-1"),
            int(time.time() // 60),
        ]
        key = msgspec.json.encode(identity).decode()
        version = self._version(project_id)
        try:
            cached = self._answers.find(key, version) or await self._answers.make(key, version, compute, lambda: None)
            response = msgspec.msgpack.decode(cached.body, type=_Response)
        except _Refused as refused:
            response = refused.response
        start: Any = {"type": "http.response.start", "status": response.status, "headers": response.headers}
        await send(start)
        await send({"type": "http.response.body", "body": response.body, "more_body": False})
