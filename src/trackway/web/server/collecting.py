"""The health of a process that only collects or only loads. Access: anybody."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from trackway import __version__
from trackway.collect.door import answer
from trackway.collecting import CollectingRuntime
from trackway.loading import LoadingRuntime

_JSON = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
_PROBLEM = [(b"content-type", b"application/problem+json")]


class LoaderHealth:
    """The ASGI application that answers `/healthz` and `/readyz` of a loader, and 404 to everything else."""

    def __init__(self, runtime: LoadingRuntime) -> None:
        self._runtime = runtime

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002
        if scope["type"] != "http":
            return
        if scope["path"] == "/healthz":
            await _alive(send)
        elif scope["path"] == "/readyz":
            ready, state = await asyncio.to_thread(self._runtime.status)
            await answer(send, 200 if ready else 503, msgspec.json.encode(state), _JSON)
        else:
            await _nothing(send, "this process only stores messages; send them to a collector, and ask the role all")


class CollectorHealth:
    """The ASGI application that answers `/healthz` and `/readyz`, and 404 to what another process answers."""

    def __init__(self, runtime: CollectingRuntime) -> None:
        self._runtime = runtime

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002
        if scope["type"] != "http":
            return
        if scope["path"] == "/healthz":
            await _alive(send)
        elif scope["path"] == "/readyz":
            trouble = await asyncio.to_thread(self._runtime.trouble)
            content = {"ready": not trouble, "trouble": trouble, "warnings": self._runtime.warnings}
            await answer(send, 503 if trouble else 200, msgspec.json.encode(content), _JSON)
        else:
            await _nothing(send, "this process only collects messages; ask the one with the role all")


async def _alive(send: Any) -> None:
    await answer(send, 200, msgspec.json.encode({"status": "alive", "version": __version__}), _JSON)


async def _nothing(send: Any, detail: str) -> None:
    body = {"type": "about:blank", "title": "Not found", "status": 404, "errors": [], "detail": detail}
    await answer(send, 404, msgspec.json.encode(body), _PROBLEM)
