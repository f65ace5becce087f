"""How many questions of a project run at once; the others wait without holding a thread or the engine.

A project whose dashboards are many keeps its own people waiting, and nobody else's.
"""

from __future__ import annotations

import asyncio
from uuid import UUID

from trackway.store.policy import Policy


class Slots:
    """A semaphore for each project, and one for its accounts, whose pages keep nobody of the project waiting.

    Args:
        at_once: how many questions of a project may run; with the engine's four clients, half.
    """

    def __init__(self, at_once: int = 2) -> None:
        self._at_once = at_once
        self._of: dict[tuple[UUID, bool], asyncio.Semaphore] = {}

    def of(self, policy: Policy) -> asyncio.Semaphore:
        """That of a project's own people, or that of all its accounts together; hold it while a question runs."""
        return self._of.setdefault((policy.project_id, policy.narrow), asyncio.Semaphore(self._at_once))
