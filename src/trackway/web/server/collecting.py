"""The health of a process that only collects or only loads. Access: anybody."""

from __future__ import annotations

from typing import Any

import msgspec

from trackway import __version__
from trackway.collect.door import answer
from trackway.collecting import CollectingRuntime
from trackway.loading import LoadingRuntime
from trackway.web.server.health_threads import apart

_JSON = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
_PROBLEM = [(b"content-type", b"application/problem+json")]


class HealthOnly:
    """The ASGI application that answers `/healthz` and `/readyz`, and 404 to what another process answers.

    Args:
        runtime: of this process; its `status` is what `/readyz` answers.
        elsewhere: the detail of the 404.
    """

    def __init__(self, runtime: CollectingRuntime | LoadingRuntime, elsewhere: str) -> None:
        self._runtime, self._elsewhere = runtime, elsewhere

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] == "/healthz":
            await _alive(send)
        elif scope["path"] == "/readyz":
            ready, state = await apart(self._runtime.status)
            await answer(send, 200 if ready else 503, msgspec.json.encode(state), _JSON)
        else:
            await _nothing(send, self._elsewhere)


async def _alive(send: Any) -> None:
    await answer(send, 200, msgspec.json.encode({"status": "alive", "version": __version__}), _JSON)


async def _nothing(send: Any, detail: str) -> None:
    body = {"type": "about:blank", "title": "Not found", "status": 404, "errors": [], "detail": detail}
    await answer(send, 404, msgspec.json.encode(body), _PROBLEM)
