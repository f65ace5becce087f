"""Alerts: notify the operator's URL of dead letters, of a stalled loader, and of messages lost from the log.

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
from trackway.store.loader_process import LoaderProcess
from trackway.store.progress import Progress

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


class _Posted(msgspec.Struct, frozen=True):
    """The count that was posted last, and the times before which no new alert, and no post at all, is sent."""

    count: int = 0
    alert_at: float = 0.0
    post_at: float = 0.0


class Alerts:
    """Checks the loader every two seconds, in a thread, and posts alerts.

    Args:
        url: where to post to; empty for none. The operator sets it, so it may have a private IP address.
        progress: how far the loaders are.
        named: returns the name of a project.
    """

    def __init__(
        self,
        url: str,
        outgoing: Outgoing,
        loader: Loader | LoaderProcess,
        store: Store,
        progress: Progress,
        named: Callable[[UUID], str],
    ) -> None:
        self._url, self._outgoing, self._loader, self._store = url, outgoing, loader, store
        self._progress, self._named = progress, named
        self._posted: dict[tuple[Kind, UUID | None], _Posted] = {}
        self._letters: dict[UUID, tuple[int, str]] = {}
        self._troubled_at: float | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="alerts", daemon=True)

    def start(self) -> None:
        """Start checking, if there is a URL."""
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
                logger.exception("alerts cannot be checked; trying again")

    def look(self, at: float) -> None:
        """Post the due alerts.

        Args:
            at: the time, in seconds of a monotonic clock.
        """
        problems = self._problems(at)
        for (kind, project_id), posted in list(self._posted.items()):
            if (kind, project_id) not in problems and posted.count:
                problems[kind, project_id] = (0, _OVER[kind])
        for (kind, project_id), (count, text) in problems.items():
            self._post_if_due(kind, project_id, count, text, at)

    def _problems(self, at: float) -> dict[tuple[Kind, UUID | None], tuple[int, str]]:
        """Return every current problem, with its count and its text."""
        problems: dict[tuple[Kind, UUID | None], tuple[int, str]] = {}
        if self._loader.dead_letters != sum(count for count, _ in self._letters.values()):
            self._letters = {
                project_id: (count, _LETTERS.format(count=count, name=self._named(project_id)))
                for project_id, count in dead_letters.counts(self._store).items()
            }
        problems |= {("dead_letters", project_id): letters for project_id, letters in self._letters.items()}
        if trouble := self._trouble(at):
            problems["stalled", None] = (
                max(1, self._progress.waiting()),
                f"Nothing is stored at the moment: {trouble}",
            )
        if lost := self._progress.lost:
            problems["lost", None] = (
                lost,
                f"{lost} messages of the log cannot be read; stop the server and run the doctor",
            )
        return problems

    def _trouble(self, at: float) -> str:
        trouble = self._loader.trouble
        if not trouble:
            self._troubled_at = None
            return self._loader.stalled() or self._progress.trouble
        if self._troubled_at is None:
            self._troubled_at = at
        return trouble if at - self._troubled_at >= STALLED_S else self._loader.stalled()

    def _post_if_due(self, kind: Kind, project_id: UUID | None, count: int, text: str, at: float) -> None:
        posted = self._posted.get((kind, project_id), _Posted())
        if count and posted.count and (kind == "stalled" or count <= posted.count):
            self._posted[kind, project_id] = msgspec.structs.replace(posted, count=count)
        elif at >= (max(posted.alert_at, posted.post_at) if count else posted.post_at):
            if self._post(Alert(str(project_id) if project_id else None, kind, count, text, datetime.now(UTC))):
                self._posted[kind, project_id] = _Posted(count, at + APART_S if count else posted.alert_at)
            else:
                self._posted[kind, project_id] = msgspec.structs.replace(posted, post_at=at + APART_S)

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
    "lost": "No messages of the log are lost any more",
}
