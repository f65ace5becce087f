"""The live stream: server-sent events with arriving events. Access: callers with the permission `live`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, get
from litestar.params import Parameter
from litestar.response import ServerSentEvent, ServerSentEventMessage

from trackway.analyze.desk import Desk
from trackway.analyze.language.question import Question
from trackway.analyze.traffic.live import arrived
from trackway.runtime import Runtime
from trackway.store.connection import Store
from trackway.web.api.question_parameters import Asked
from trackway.web.server.caller import Caller, is_still_permitted

_LOOK_S, _SIGN_OF_LIFE_S = 0.5, 15.0
_LOOKS_AT_CALLER = 4
"""The number of polls for events after which the caller's permission is checked again."""
_LONGEST = timedelta(minutes=10)


class LiveStream(Controller):
    """`/api/v1/projects/{project_id}/stream`"""

    path = "/api/v1/projects/{project_id:uuid}/stream"
    tags = ("questions",)

    @get("/", opt={"may": "live"})
    async def stream(
        self,
        asked: Asked,
        runtime: Runtime,
        store: Store,
        desk: Desk,
        request: Request[Caller, Any, Any],
        last: Annotated[str, Parameter(header="Last-Event-ID")] = "",
    ) -> ServerSentEvent:
        """Stream events as they arrive, from now on or after the `Last-Event-ID` (at most ten minutes back).

        Each message is a list of at most 200 events in order of arrival; its id is the time at which its newest event
        arrived. The question's filters and `bots` apply; its period does not.
        """
        now = datetime.now(UTC)
        since = max(_moment(last) or now, now - _LONGEST)
        return ServerSentEvent(
            _arriving(
                runtime, store, desk, asked.question, since, lambda: is_still_permitted(request, asked.project, "live")
            )
        )


async def _arriving(
    runtime: Runtime, store: Store, desk: Desk, question: Question, since: datetime, may_go_on: Callable[[], bool]
) -> AsyncIterator[Any]:
    version, quiet, looks = None, 0.0, 0
    yield ServerSentEventMessage(data=None, comment="the stream begins", retry=1000)
    while not runtime.ending:
        looks += 1
        if looks % _LOOKS_AT_CALLER == 0 and not await asyncio.to_thread(may_go_on):
            return
        # The engine is asked only when something new has been stored.
        current = desk.version(question.project_id)[0]
        if current != version:
            version = current
            events = await asyncio.to_thread(arrived, store, question, since, datetime.now(UTC))
            if events:
                since, quiet = events[-1]["received_at"], 0.0
                yield ServerSentEventMessage(data=msgspec.json.encode(events).decode(), id=since.isoformat())
        await asyncio.sleep(_LOOK_S)
        quiet += _LOOK_S
        if quiet >= _SIGN_OF_LIFE_S:
            quiet = 0.0
            yield ServerSentEventMessage(data=None, comment="still here")


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
