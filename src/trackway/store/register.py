"""The register of entities: what a project says they are, and whether it knows one."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

from trackway.govern.accounts import Accounts
from trackway.store.connection import Store

_FRESH_S = 5.0
_MOST = 100_000


class Register:
    """Whether a project counts views of an entity; answers are kept for some seconds.

    Args:
        accounts: knows which registers are closed.
        store: holds the registers.
    """

    def __init__(self, accounts: Accounts, store: Store) -> None:
        self._accounts, self._store = accounts, store
        self._closed: frozenset[bytes] = frozenset()
        self._looked = -_FRESH_S
        self._known: dict[tuple[bytes, str, str], tuple[bool, float]] = {}

    async def counts(self, project_id: bytes, entity_type: str, entity_id: str) -> bool:
        """Whether views of an entity count: always in an open register, else when it is there and not deleted."""
        at = time.monotonic()
        if at - self._looked > _FRESH_S:
            self._looked = at
            self._closed = await asyncio.to_thread(self._read_closed)
        if project_id not in self._closed:
            return True
        key = (project_id, entity_type, entity_id)
        found, until = self._known.get(key, (False, 0.0))
        if at >= until:
            found = await asyncio.to_thread(self._registered, *key)
            if len(self._known) >= _MOST:
                self._known.clear()
            # Who is not there may be registered any moment.
            self._known[key] = found, at + (_FRESH_S if found else 1.0)
        return found

    def _read_closed(self) -> frozenset[bytes]:
        return frozenset(UUID(one.id).bytes for one in self._accounts.projects() if one.closed_register)

    def _registered(self, project_id: bytes, entity_type: str, entity_id: str) -> bool:
        answer = self._store.ask(
            "SELECT count() AS n FROM entities FINAL WHERE project_id = {project:UUID} "
            "AND entity_type = {entity_type:String} AND entity_id = {entity_id:String} AND NOT deleted",
            {"project": UUID(bytes=project_id), "entity_type": entity_type, "entity_id": entity_id},
        )
        return bool(answer["n"][0].as_py())
