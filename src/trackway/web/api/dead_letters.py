"""Dead letters of a project: list, replay and drop them. Access: reading needs the permission `people`; replaying
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
Stage = Annotated[str, Parameter(description="the step that refused the message; empty for any", max_length=200)]


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


class LetterId(msgspec.Struct, forbid_unknown_fields=True):
    """A dead letter, by its message id; `stage` selects one of several steps."""

    message_id: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    stage: Annotated[str, msgspec.Meta(max_length=200)] = ""


class LetterSelection(msgspec.Struct, forbid_unknown_fields=True):
    """Either some dead letters or `all` of the project."""

    letters: Annotated[list[LetterId], msgspec.Meta(max_length=1000)] = []
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
    def letters(
        self,
        project_id: UUID,
        runtime: Runtime,
        message_id: MessageId = "",
        stage: Stage = "",
        limit: Annotated[int, Parameter(ge=1, le=1000)] = 100,
    ) -> LettersShown:
        """List the newest messages that were acknowledged but are not stored, with their total number."""
        letters = dead_letters.listed(runtime.store, project_id, message_id, stage, limit)
        return LettersShown(
            dead_letters.count(runtime.store, project_id), [LetterShown(*_shown(letter)) for letter in letters]
        )

    @get("/letter", opt={"may": "people"}, sync_to_thread=True)
    def letter(self, project_id: UUID, runtime: Runtime, message_id: MessageId, stage: Stage = "") -> LetterWhole:
        """Return a dead letter with its message: the newest one when several steps refused it and `stage` is empty."""
        # An empty id would match any dead letter.
        letters = dead_letters.listed(runtime.store, project_id, message_id, stage, 1) if message_id else []
        if not letters:
            raise _not_found()
        return LetterWhole(*_shown(letters[0]), letters[0].body)

    @post("/replay", opt={"may": "manage"}, status_code=200, sync_to_thread=True)
    def replay(
        self, project_id: UUID, data: LetterSelection, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> Replayed:
        """Write messages to the log again, as they arrived. A message that is refused again becomes a dead letter
        again.
        """
        wanted = _selected(runtime, project_id, data)
        replayed = dead_letters.replay(runtime.store, wanted, runtime.write, runtime.progress.lock_of(project_id))
        request.user.wrote("letters replayed", _summary(wanted), project_id, **_detail(wanted, replayed))
        return Replayed(replayed, len(wanted) - replayed, _count_again(runtime, project_id))

    @post("/drop", opt={"may": "manage"}, status_code=200, sync_to_thread=True)
    def drop(
        self, project_id: UUID, data: LetterSelection, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> Dropped:
        """Delete dead letters. This cannot be undone."""
        wanted = _selected(runtime, project_id, data)
        dead_letters.remove(runtime.store, wanted, runtime.progress.lock_of(project_id))
        request.user.wrote("letters dropped", _summary(wanted), project_id, **_detail(wanted, len(wanted)))
        return Dropped(len(wanted), _count_again(runtime, project_id))


def _shown(letter: Letter) -> tuple[str, str, datetime, str, bool]:
    return letter.key.message_id, letter.key.stage, letter.received_at, letter.reason, letter.replayable


def _selected(runtime: Runtime, project_id: UUID, data: LetterSelection) -> list[Key]:
    """Return the chosen dead letters. Raises NotFoundException when none of the named ones exists."""
    if data.all == bool(data.letters):
        raise BadQuestion("letters", "name dead letters in `letters`, or send `all`: true for all of the project")
    all_keys = dead_letters.keys(runtime.store, project_id)
    if data.all:
        return all_keys
    exact = {(key.message_id, key.stage) for key in data.letters}
    anywhere = {message_id for message_id, stage in exact if not stage}
    chosen = [key for key in all_keys if key.message_id in anywhere or (key.message_id, key.stage) in exact]
    if not chosen:
        raise _not_found()
    return chosen


def _count_again(runtime: Runtime, project_id: UUID) -> int:
    with runtime.loader.store_lock:
        counts = dead_letters.counts(runtime.store)
        runtime.loader.dead_letters = sum(counts.values())
    return counts.get(project_id, 0)


def _summary(letters: list[Key]) -> str:
    return letters[0].message_id if len(letters) == 1 else f"{len(letters)} dead letters"


def _detail(letters: list[Key], count: int) -> dict[str, object]:
    return {"count": count, "messages": [letter.message_id for letter in letters[:_NAMED]]}


def _not_found() -> NotFoundException:
    return NotFoundException("there is no such dead letter; it was replayed or dropped, or never existed")
