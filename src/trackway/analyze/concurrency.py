"""Limits the number of questions of a project that run at once; the others wait without holding a thread or the engine.

A project with many open dashboards therefore slows down only its own users.
"""

from __future__ import annotations

import asyncio
from uuid import UUID

from trackway.store.policy import Policy


class Slots:
    """One semaphore for each project, and one for all its accounts, so that accounts do not slow down the project's
    members.

    Args:
        at_once: the number of questions of a project that may run at once; half of the engine's four clients.
    """

    def __init__(self, at_once: int = 2) -> None:
        self._at_once = at_once
        self._of: dict[tuple[UUID, bool], asyncio.Semaphore] = {}

    def of(self, policy: Policy) -> asyncio.Semaphore:
        """Return the semaphore of a project's members, or of all its accounts together; hold it while a question
        runs.
        """
        return self._of.setdefault((policy.project_id, policy.narrow), asyncio.Semaphore(self._at_once))
