"""The progress of the other loaders: the offsets that each commits, its note with them, and the end of its topic.

A loader commits the offsets of its newest checkpoint to its consumer group, with a note about what others must know.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING, Any
from uuid import UUID

from trackway.log import DirectoryUnusable, Log
from trackway.store.note import Note, note_of
from trackway.store.refusals import BatchUnfinished, StoreBusy
from trackway.store.share import StoreLock, as_refusals

if TYPE_CHECKING:
    from trackway.govern.loaders import Loaders
    from trackway.log.kafka_group import Committed, Group
    from trackway.store.loader import Loader
    from trackway.store.loader_process import LoaderProcess

logger = logging.getLogger("trackway.store.progress")
_EACH_S = 0.5
"""Seconds between two requests to the brokers, over all loaders."""
_ENDS_EVERY = 4
_WAITING_S = 0.1
"""Seconds between two requests of those who wait until a loader has stored something."""
_STALLED_S = 30.0
Mark = Callable[[], bool]
"""A function that returns whether everything is stored that was in a log at one moment."""


def _news(note: Note) -> tuple[str, int, int]:
    """Return the parts of a note that other processes have to be told when they change."""
    return note.process, note.merged, note.refused


class OtherLoader:
    """A loader in another process, as far as the brokers know it.

    Args:
        told: called with its note when it says something new.
        loaders: their data in the accounts database of this process.
    """

    def __init__(self, number: int, group: Group, told: Callable[[], None], loaders: Loaders | None = None) -> None:
        self._loaders, self._known, self._foreign = loaders, "", False
        self.number, self._group, self._told = number, group, told
        self._committed: Committed | None = None
        self._ends: dict[int, int] = {}
        self._moved_at, self._asked_at = time.monotonic(), 0.0
        self.version = 0
        """A number that grows whenever the loader has stored something."""
        self.note = Note(process="")
        self.unreachable = ""
        self._lock, self._untold, self._unseen = threading.Lock(), False, False

    def ask(self) -> Committed:
        """Ask the brokers how far the loader is. Raises TopicUnusable."""
        self._asked_at = time.monotonic()
        committed = self._group.committed()
        with self._lock:
            if committed != self._committed:
                before, self.note = self.note, note_of(committed.note) or Note()
                self._untold = self._untold or _news(before) != _news(self.note)
                self._committed, self._moved_at, self._unseen = committed, time.monotonic(), True
            if self._untold:  # tried again when it fails
                self._told()
                self._untold = False
            if self._unseen:
                self.version, self._unseen = self.version + 1, False
        if self._loaders is not None and self._known != self.note.start:
            with suppress(StoreBusy), as_refusals():
                self._foreign = not self._loaders.knows(self.number, self.note.start)
                self._known = self._known if self._foreign else self.note.start
        return committed

    @property
    def stranger(self) -> str:
        """The sentence that the loader has another accounts database than this process; empty when it has the same."""
        if not self._foreign:
            return ""
        return (
            f"loader {self.number} does not use the accounts database of this process, but another one, such as a copy "
            "or an older backup: both would give the same numbers to different people; stop it, give both the same "
            "setting accounts, and start it again"
        )

    def ask_end(self) -> dict[int, int]:
        """Ask the brokers where the topic ends. Raises TopicUnusable."""
        was_idle = not self.waiting
        self._ends = self._group.ends()
        if was_idle:
            self._moved_at = time.monotonic()
        return self._ends

    @property
    def waiting(self) -> int:
        """The number of records that are not stored, as far as it is known."""
        stored = self._committed.offsets if self._committed else {}
        return sum(max(0, end - stored.get(partition, 0)) for partition, end in self._ends.items())

    @property
    def trouble(self) -> str:
        """The reason to look at the loader, or empty."""
        if self.unreachable:
            return f"loader {self.number}: {self.unreachable}"
        if self.stranger:
            return self.stranger
        for_s = time.monotonic() - self._moved_at
        if not self.waiting or for_s < _STALLED_S:
            return ""
        return (
            f"loader {self.number} has stored nothing for {for_s:.0f} s, and {self.waiting} records of the topic "
            f"{self._group.topic.name!r} wait; see whether it runs, and what its own /readyz and log say"
        )

    def look(self, *ask: Callable[[], object]) -> None:
        """Ask for some of it; what the brokers refuse is kept as trouble."""
        try:
            for one in ask:
                one()
            self.unreachable = ""
        except DirectoryUnusable as error:
            self.unreachable = str(error)

    def mark(self) -> Mark:
        """Return whether everything is stored that is in the topic now, as a function that asks again when called."""
        ends = self.ask_end()

        def is_stored() -> bool:
            if time.monotonic() - self._asked_at > _WAITING_S:
                self.ask()
            return self._committed is not None and self._committed.holds(ends)

        return is_stored

    def shown(self) -> dict[str, Any]:
        """Return the state for health checks."""
        return {"loader": self.number, "topic": self._group.topic.name, "waiting": self.waiting, "lost": self.note.lost,
                "trouble": self.trouble}  # fmt: skip


class CountersLock:
    """The lock of a loader for who replaces counters: never while the store may have a part of a batch, whose events
    would be counted again with the rest of it.

    Raises:
        BatchUnfinished: it may.
        StoreBusy: as the lock does.
    """

    def __init__(self, lock: AbstractContextManager[object], unfinished: Callable[[], str]) -> None:
        self._lock, self._unfinished = lock, unfinished

    def __enter__(self) -> None:
        self._lock.__enter__()
        try:
            if text := self._unfinished():
                raise BatchUnfinished(text, text)
        except BaseException:
            self._lock.__exit__(*sys.exc_info())
            raise

    def __exit__(self, *error: Any) -> None:
        self._lock.__exit__(*error)


class Progress:
    """The progress of all loaders: that of this process, and the others.

    Args:
        log, loader: those of this process.
        loaders: their data in the accounts database; needed when there may be others.
        others: the loaders in other processes.
    """

    def __init__(
        self, log: Log, loader: Loader | LoaderProcess, loaders: Loaders | None = None,
        others: Sequence[OtherLoader] = (),
    ) -> None:  # fmt: skip
        self._log, self._loader, self._loaders, self._others = log, loader, loaders, others
        self._locks = {other.number: StoreLock(loaders.lock(other.number)) for other in others if loaders}
        self._known: dict[UUID, int] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="progress", daemon=True)

    def start(self) -> None:
        """Start asking how far the other loaders are."""
        if self._others:
            self._thread.start()

    def stop(self) -> None:
        """Stop asking."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(2)

    def _work(self) -> None:
        for turn, other in enumerate(cycle(self._others)):
            if self._ending.wait(_EACH_S):
                return
            try:
                ends = turn // len(self._others) % _ENDS_EVERY == 0
                other.look(other.ask_end if ends else other.ask)
            except Exception:
                logger.exception("loader %d cannot be asked; trying again", other.number)

    def _other(self, project_id: UUID) -> OtherLoader | None:
        """Return the loader of a project when it is in another process. A project stays with its loader for ever.

        Raises:
            StoreBusy: the setting `log` of this process does not name the loader.
        """
        if self._loaders is None:
            return None
        number = self._known.get(project_id)
        if number is None and (number := self._loaders.of(project_id)) is not None:
            self._known[project_id] = number
        if not number:
            return None
        if number > len(self._others):
            text = (
                f"the project belongs to loader {number}, and this process knows {len(self._others) + 1}; restart it "
                "with the setting log of all processes"
            )
            raise StoreBusy(text, text)
        return self._others[number - 1]

    def version(self, project_id: UUID) -> int:
        """Return a number that grows whenever something of the project is stored."""
        other = self._other(project_id)
        return self._loader.version(project_id) if other is None else other.version

    def stored(self, project_id: UUID) -> int:
        """Return a number that grows whenever the loader of a project stores something, of any project."""
        other = self._other(project_id)
        return self._loader.stored if other is None else other.version

    def lock_of(self, project_id: UUID) -> AbstractContextManager[object]:
        """Return the lock for replacing rows of a project; its loader stores nothing meanwhile."""
        other = self._other(project_id)
        return self._loader.store_lock if other is None else self._locks[other.number]

    def counters_lock_of(self, project_id: UUID) -> CountersLock:
        """Return the lock for replacing counters of a project."""
        return CountersLock(self.lock_of(project_id), partial(self._unfinished, project_id))

    def _unfinished(self, project_id: UUID) -> str:
        """Return which batch the store may have in part, as a sentence; empty when there is none. Raises StoreBusy."""
        other = self._other(project_id)
        if other is None:
            text = "the store may have a part of a batch; try again when the loader has stored the rest"
            return text if self._loader.unfinished else ""
        assert self._loaders is not None
        with as_refusals():
            ended = self._loaders.is_unfinished(other.number)
        return f"loader {other.number} ended within a batch; start it, so that it stores the rest" if ended else ""

    def mark(self, project_id: UUID) -> Mark:
        """Return whether everything is stored that is in the log of the project's loader now, as a function.

        Raises:
            StoreBusy: the brokers do not say where the log of another loader ends; the function raises it too.
        """
        other = self._other(project_id)
        if other is None:
            end = self._log.mark()
            return lambda: self._log.holds(end, self._loader.stored)
        try:
            is_stored = other.mark()
        except DirectoryUnusable as error:
            raise StoreBusy(str(error)) from error

        def asked() -> bool:
            with suppress(DirectoryUnusable):
                return is_stored()
            return False

        return asked

    def waiting(self, project_id: UUID | None = None) -> int:
        """Return the number of messages that wait to be stored: with those of the project, or of all."""
        other = self._other(project_id) if project_id else None
        if other is not None:
            return other.waiting
        own = self._log.end - self._loader.stored
        return own if project_id else own + self.waiting_elsewhere

    @property
    def waiting_elsewhere(self) -> int:
        """The number of records that wait for the other loaders, as far as it is known."""
        return sum(one.waiting for one in self._others)

    def look(self) -> None:
        """Ask the brokers how far each of the other loaders is now."""
        for other in self._others:
            other.look(other.ask_end, other.ask)

    @property
    def lost(self) -> int:
        """The number of messages of all logs that could not be read."""
        return self._loader.lost + sum(one.note.lost for one in self._others)

    @property
    def trouble(self) -> str:
        """The reason to look at another loader, or empty."""
        return next(filter(None, (one.trouble for one in self._others)), "")

    def shown(self) -> list[dict[str, Any]]:
        """Return the states of the other loaders for health checks."""
        return [one.shown() for one in self._others]
