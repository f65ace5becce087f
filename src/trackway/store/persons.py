"""The engine's dictionary `persons`, which maps identities to persons: it is updated when merges are made or undone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from trackway.statements import Statements

_sql = Statements(__name__)


class PersonTable:
    """Updates `user_persons` and the dictionary `persons` after merges.

    A batch with merges calls `stale`; the next question about persons sees them.

    Args:
        ask, command, everywhere, on_every_server: the methods of the store.
    """

    def __init__(
        self,
        ask: Callable[[str], pa.Table],
        command: Callable[[str, Mapping[str, Any]], str],
        everywhere: Callable[[str], None],
        on_every_server: Callable[[Callable[[Any], object]], None],
    ) -> None:
        self._ask, self._command, self._everywhere = ask, command, everywhere
        self._on_every_server = on_every_server
        self._lock = threading.Lock()
        self._current_version, self._loaded_version = 1, 0
        self._any, self._joined, self._activity = False, False, "activity"

    @property
    def any(self) -> bool:
        """Whether anybody has been merged at all; without merges, every identity is a person."""
        self.refresh()
        return self._any

    @property
    def joined(self) -> bool:
        """Whether aliases join any users at all."""
        self.refresh()
        return self._joined

    @property
    def activity(self) -> str:
        """The activity table as it has to be read: with FINAL while moved counts are not merged yet."""
        self.refresh()
        return self._activity

    def stale(self) -> None:
        """Mark the dictionary as out of date, because merges changed."""
        self._current_version += 1

    @property
    def version(self) -> int:
        """A number that grows with every change of merges."""
        return self._current_version

    def refresh(self) -> None:
        """Bring the dictionary up to date with the tables. It costs nothing when nothing has changed."""
        if self._loaded_version == self._current_version:
            return
        with self._lock:
            wanted = self._current_version
            if self._loaded_version == wanted:
                return
            self._join_users()
            self._on_every_server(lambda server: server.command("SYSTEM RELOAD DICTIONARY persons"))
            loaded = self._ask("SELECT sum(element_count) AS n FROM system.dictionaries WHERE name = 'persons'")
            self._any = bool(loaded["n"][0].as_py())
            moved = self._ask("SELECT count() AS n FROM activity WHERE events < 0")
            self._activity = "activity FINAL" if moved["n"][0].as_py() else "activity"
            self._loaded_version = wanted

    def _join_users(self) -> None:
        """Map user ids connected by aliases to the smallest of them, so that the order of aliases does not matter."""
        pairs = self._ask(_sql("aliases"))
        joined = united(list(zip(pairs["identity"].to_pylist(), pairs["person"].to_pylist(), strict=True)))
        self._joined = pairs.num_rows > 0
        stored = self._ask("SELECT user, person FROM user_persons")
        if joined == dict(zip(stored["user"].to_pylist(), stored["person"].to_pylist(), strict=True)):
            return
        self._everywhere("TRUNCATE TABLE user_persons")
        if joined:
            self._command(_sql("write_user_persons"), {"users": list(joined), "persons": list(joined.values())})


def united(pairs: list[tuple[int, int]]) -> dict[int, int]:
    """Map each member of a pair to the smallest member that pairs connect it with (union-find)."""
    parents: dict[int, int] = {}

    def root(member: int) -> int:
        while (parent := parents.setdefault(member, member)) != member:
            parents[member] = parents[parent]
            member = parent
        return member

    for first, second in pairs:
        low, high = sorted((root(first), root(second)))
        parents[high] = low
    return {member: root(member) for member in list(parents)}
