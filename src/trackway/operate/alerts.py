"""Alerts: notify the operator's address of dead letters, of a stalled loader, and of messages lost from the log.

Each kind of alert is posted at most once a minute for a project, and once more, with `count` 0, when it is over. An
ongoing alert is repeated only when its count grows, and after a restart.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import msgspec

from trackway.outgoing import Outgoing, Refused, Unreachable, parse
from trackway.store import dead_letters
from trackway.store.connection import Store
from trackway.store.loader import Loader

logger = logging.getLogger("trackway.operate.alerts")

LOOK_S = 2.0
APART_S = 60.0
STALLED_S = 30.0
Kind = Literal["dead_letters", "stalled", "lost"]


class Alert(msgspec.Struct, frozen=True):
    """The body of a post.

    Attributes:
        project: the id of the project; None for alerts about the whole server.
        count: dead letters of the project, messages that wait, or lost messages; 0 when the alert is over.
    """

    project: str | None
    kind: Kind
    count: int
    text: str
    at: datetime


class _Told(msgspec.Struct, frozen=True):
    """The count that was posted last, and the times before which no new alert, and no post at all, is sent."""

    count: int = 0
    alert_at: float = 0.0
    post_at: float = 0.0


class Alerts:
    """Checks the loader every two seconds, in a thread, and posts alerts.

    Args:
        url: the address to post to; empty for none. The operator sets it, so it may be a private address.
        waiting: returns the number of messages of the log that are not stored.
        named: returns the name of a project.
    """

    def __init__(
        self,
        url: str,
        outgoing: Outgoing,
        loader: Loader,
        store: Store,
        waiting: Callable[[], int],
        named: Callable[[UUID], str],
    ) -> None:
        self._url, self._outgoing, self._loader, self._store = url, outgoing, loader, store
        self._waiting, self._named = waiting, named
        self._told: dict[tuple[Kind, UUID | None], _Told] = {}
        self._letters: dict[UUID, tuple[int, str]] = {}
        self._troubled_at: float | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="alerts", daemon=True)

    def start(self) -> None:
        """Start checking, if there is an address."""
        if self._url:
            self._thread.start()

    def stop(self) -> None:
        """Stop checking."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(2)

    def _work(self) -> None:
        while not self._ending.wait(LOOK_S):
            try:
                self.look(time.monotonic())
            except Exception:
                logger.exception("alerts cannot be looked for; trying again")

    def look(self, at: float) -> None:
        """Post the due alerts.

        Args:
            at: the time, in seconds of a monotonic clock.
        """
        found = self._found(at)
        for (kind, project_id), told in list(self._told.items()):
            if (kind, project_id) not in found and told.count:
                found[kind, project_id] = (0, _OVER[kind])
        for (kind, project_id), (count, text) in found.items():
            self._tell(kind, project_id, count, text, at)

    def _found(self, at: float) -> dict[tuple[Kind, UUID | None], tuple[int, str]]:
        """Return every current problem, with its count and its text."""
        found: dict[tuple[Kind, UUID | None], tuple[int, str]] = {}
        if self._loader.dead_letters != sum(count for count, _ in self._letters.values()):
            self._letters = {
                project_id: (count, _LETTERS.format(count=count, name=self._named(project_id)))
                for project_id, count in dead_letters.counts(self._store).items()
            }
        found |= {("dead_letters", project_id): one for project_id, one in self._letters.items()}
        if trouble := self._trouble(at):
            found["stalled", None] = (max(1, self._waiting()), f"Nothing is stored at the moment: {trouble}")
        if lost := sum(gap.last - gap.first for gap in self._loader.gaps):
            found["lost", None] = (
                lost,
                f"{lost} messages of the log cannot be read; stop the server and run the doctor",
            )
        return found

    def _trouble(self, at: float) -> str:
        trouble = self._loader.trouble
        if not trouble:
            self._troubled_at = None
            return self._loader.stalled()
        if self._troubled_at is None:
            self._troubled_at = at
        return trouble if at - self._troubled_at >= STALLED_S else self._loader.stalled()

    def _tell(self, kind: Kind, project_id: UUID | None, count: int, text: str, at: float) -> None:
        told = self._told.get((kind, project_id), _Told())
        if count and told.count and (kind == "stalled" or count <= told.count):
            self._told[kind, project_id] = msgspec.structs.replace(told, count=count)
        elif at >= (max(told.alert_at, told.post_at) if count else told.post_at):
            if self._post(Alert(str(project_id) if project_id else None, kind, count, text, datetime.now(UTC))):
                self._told[kind, project_id] = _Told(count, at + APART_S if count else told.alert_at)
            else:
                self._told[kind, project_id] = msgspec.structs.replace(told, post_at=at + APART_S)

    def _post(self, alert: Alert) -> bool:
        try:
            self._outgoing.post(self._url, {}, msgspec.json.encode(alert), trusted=parse(self._url).host)
        except (Refused, Unreachable) as error:
            logger.error("the alert %r could not be posted: %s", alert.text, error)
            return False
        return True


_LETTERS = (
    "{count} messages of the project {name} were acknowledged and could not be stored; "
    "`trackway letters list` shows them with the reasons"
)
_OVER: dict[Kind, str] = {
    "dead_letters": "The project has no dead letters any more",
    "stalled": "Messages are stored again",
    "lost": "Nothing of the log is lost any more",
}
