"""`GET /metrics` of every process, for Prometheus. Access: who has the token of the setting `metrics_token`."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

import msgspec

from trackway.collect.door import answer
from trackway.config import Settings
from trackway.store.connection import Store
from trackway.web.server.health_threads import apart
from trackway.web.server.problem_content import problem_content

PATH = "/metrics"
Status = Callable[[], tuple[bool, dict[str, Any]]]
_OFF = (
    "metrics are switched off; set TRACKWAY_METRICS_TOKEN to a secret of at least 16 characters, restart, and have "
    "Prometheus send it as Authorization: Bearer"
)


class Metrics:
    """The ASGI application that answers `/metrics`. It counts nothing itself: each request reads the numbers anew.

    Args:
        status: what `/readyz` answers: whether the process is ready, and its state.
        store: the store of the process, if it has one.
    """

    def __init__(self, settings: Settings, status: Status, store: Store | None = None) -> None:
        self._settings, self._status, self._store = settings, status, store

    def serves(self, path: str) -> bool:
        """Whether a path belongs to this application."""
        return path == PATH

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002
        headers = dict(scope["headers"])
        if not self._settings.metrics_token:
            await _refuse(send, 404, _OFF)
        elif not self._is_let_in(headers.get(b"authorization", b"")):
            challenge = (b"www-authenticate", b'Bearer realm="metrics"')
            detail = "send the token of the setting metrics_token as Authorization: Bearer"
            await _refuse(send, 401, detail, challenge)
        elif scope["method"] != "GET":
            await _refuse(send, 405, "use GET", (b"allow", b"GET"))
        else:
            accept = headers.get(b"accept", b"").decode("latin-1")
            content, media_type = await apart(lambda: self._text(accept))
            no_store = (b"cache-control", b"no-store")
            await answer(send, 200, content, [(b"content-type", media_type.encode()), no_store])

    def _is_let_in(self, authorization: bytes) -> bool:
        scheme, _, given = authorization.partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(given, self._settings.metrics_token.encode())

    def _text(self, accept: str) -> tuple[bytes, str]:
        from trackway.operate.metrics import text  # only where somebody asks: starts are faster without it

        return text(self._settings, self._status(), self._store, accept)


async def _refuse(send: Any, status: int, detail: str, *headers: tuple[bytes, bytes]) -> None:
    content_type = (b"content-type", b"application/problem+json")
    await answer(send, status, msgspec.json.encode(problem_content(status, detail)), [content_type, *headers])
