"""Dead letters of a project: list, replay and drop them. Who may call: reading needs the permission `people`; replaying
and dropping need `manage`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, get, post
from litestar.exceptions import NotFoundException
from litestar.params import Parameter

from trackway.analyze.language.period import BadQuestion
from trackway.runtime import Runtime
from trackway.store import dead_letters
from trackway.store.dead_letters import Key, Letter
from trackway.web.server.caller import Caller

_NAMED = 20

MessageId = Annotated[str, Parameter(description="the message's id, or the key of a derived row", max_length=1000)]
Stage = Annotated[str, Parameter(description="the step that refused it; empty for any", max_length=200)]


class LetterShown(msgspec.Struct):
    """A message that was acknowledged but is not stored: the step that refused it, its time of arrival and the reason.

    A dead letter that is not `replayable` is a derived row (a session, an order); the messages it was derived from are
    stored.
    """

    message_id: str
    stage: str
    received_at: datetime
    reason: str
    replayable: bool


class LettersShown(msgspec.Struct):
    """The newest dead letters, and the project's total number."""

    count: int
    letters: list[LetterShown]


class LetterWhole(LetterShown):
    """A dead letter with the message (or the row) as JSON."""

    body: str


class Which(msgspec.Struct, forbid_unknown_fields=True):
    """A dead letter, by its message id; `stage` selects one of several steps."""

    message_id: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    stage: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Chosen(msgspec.Struct, forbid_unknown_fields=True):
    """Either some dead letters or `all` of the project."""

    letters: Annotated[list[Which], msgspec.Meta(max_length=1000)] = []
    all: bool = False


class Replayed(msgspec.Struct):
    """The number of messages written to the log again, the number of chosen derived rows, which stay, and the project's
    number of dead letters before the loader has read the messages.
    """

    replayed: int
    kept: int
    count: int


class Dropped(msgspec.Struct):
    """The number of dropped dead letters, and the number that the project has now."""

    dropped: int
    count: int


class DeadLetters(Controller):
    """`/api/v1/projects/{project_id}/dead-letters`"""

    path = "/api/v1/projects/{project_id:uuid}/dead-letters"
    tags = ("data",)

    @get("/", opt={"may": "people"}, sync_to_thread=True)
    def every(
        self,
        project_id: UUID,
        runtime: Runtime,
        message_id: MessageId = "",
        stage: Stage = "",
        limit: Annotated[int, Parameter(ge=1, le=1000)] = 100,
    ) -> LettersShown:
        """List the newest messages that were acknowledged but are not stored, with their total number."""
        found = dead_letters.listed(runtime.store, project_id, message_id, stage, limit)
        return LettersShown(dead_letters.count(runtime.store, project_id), [LetterShown(*_shown(one)) for one in found])

    @get("/letter", opt={"may": "people"}, sync_to_thread=True)
    def one(self, project_id: UUID, runtime: Runtime, message_id: MessageId, stage: Stage = "") -> LetterWhole:
        """Return a dead letter with its message: the newest one when several steps refused it and `stage` is empty."""
        # An empty id would match any dead letter.
        found = dead_letters.listed(runtime.store, project_id, message_id, stage, 1) if message_id else []
        if not found:
            raise _gone()
        return LetterWhole(*_shown(found[0]), found[0].body)

    @post("/replay", opt={"may": "manage"}, status_code=200, sync_to_thread=True)
    def replay(self, project_id: UUID, data: Chosen, request: Request[Caller, Any, Any], runtime: Runtime) -> Replayed:
        """Write messages to the log again, as they arrived. A message that is refused again becomes a dead letter
        again.
        """
        wanted = _chosen(runtime, project_id, data)
        replayed = dead_letters.replay(runtime.store, wanted, runtime.write, runtime.loader.store_lock)
        request.user.wrote("letters replayed", _said(wanted), project_id, **_detail(wanted, replayed))
        return Replayed(replayed, len(wanted) - replayed, _recounted(runtime, project_id))

    @post("/drop", opt={"may": "manage"}, status_code=200, sync_to_thread=True)
    def drop(self, project_id: UUID, data: Chosen, request: Request[Caller, Any, Any], runtime: Runtime) -> Dropped:
        """Delete dead letters. This cannot be undone."""
        wanted = _chosen(runtime, project_id, data)
        dead_letters.remove(runtime.store, wanted, runtime.loader.store_lock)
        request.user.wrote("letters dropped", _said(wanted), project_id, **_detail(wanted, len(wanted)))
        return Dropped(len(wanted), _recounted(runtime, project_id))


def _shown(one: Letter) -> tuple[str, str, datetime, str, bool]:
    return one.key.message_id, one.key.stage, one.received_at, one.reason, one.replayable


def _chosen(runtime: Runtime, project_id: UUID, data: Chosen) -> list[Key]:
    """Return the chosen dead letters. Raises NotFoundException when none of the named ones exists."""
    if data.all == bool(data.letters):
        raise BadQuestion("letters", "name dead letters in `letters`, or say `all`: true for all of the project")
    every = dead_letters.keys(runtime.store, project_id)
    if data.all:
        return every
    exact = {(one.message_id, one.stage) for one in data.letters}
    anywhere = {message_id for message_id, stage in exact if not stage}
    found = [one for one in every if one.message_id in anywhere or (one.message_id, one.stage) in exact]
    if not found:
        raise _gone()
    return found


def _recounted(runtime: Runtime, project_id: UUID) -> int:
    with runtime.loader.store_lock:
        left = dead_letters.counts(runtime.store)
        runtime.loader.dead_letters = sum(left.values())
    return left.get(project_id, 0)


def _said(letters: list[Key]) -> str:
    return letters[0].message_id if len(letters) == 1 else f"{len(letters)} dead letters"


def _detail(letters: list[Key], done: int) -> dict[str, object]:
    return {"count": done, "messages": [one.message_id for one in letters[:_NAMED]]}


def _gone() -> NotFoundException:
    return NotFoundException("there is no such dead letter; it was replayed or dropped, or never was one")
