"""Taking turns: of one project, so many questions at once; the others wait without holding a thread or the engine.

A project whose dashboards are many keeps its own people waiting, and nobody else's.
"""

from __future__ import annotations

import asyncio
from typing import Any

from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send


class Turns:
    """A semaphore for each project.

    Args:
        at_once: how many questions of a project may run; with the engine's four clients, half.
    """

    def __init__(self, at_once: int = 2) -> None:
        self._at_once = at_once
        self._of: dict[str, asyncio.Semaphore] = {}

    def of(self, project_id: object) -> asyncio.Semaphore:
        """The project's; hold it while a question runs."""
        return self._of.setdefault(str(project_id), asyncio.Semaphore(self._at_once))


class TakeTurns(ASGIMiddleware):
    """Requests of handlers that ask the engine from a thread wait here for the project's turn."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass the request on when it is the project's turn."""
        parameters: dict[str, Any] = scope.get("path_params", {})
        async with self._turns.of(parameters.get("project_id")):
            await next_app(scope, receive, send)
