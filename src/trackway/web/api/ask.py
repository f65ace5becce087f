"""The endpoint for all questions: `POST …/ask`. Access: callers with the permission that the question needs
(`analyze/catalogue.py`); their policy limits the rows that they see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

import msgspec
import pyarrow as pa
from litestar import Controller, Request, Response, delete, post
from litestar.params import Parameter

from trackway.analyze import file_formats, tabular
from trackway.analyze.catalogue import TABLES
from trackway.analyze.desk import Asker, Desk
from trackway.analyze.language.period import BadQuestion
from trackway.analyze.reply import Reply
from trackway.govern.tables import Project
from trackway.store.policy import Policy
from trackway.web.server.caller import SOMEBODY, Caller

Done = TypeVar("Done")
Format = Annotated[Literal["json", "csv", "parquet", "arrow"], Parameter(query="format")]


def as_file(table: pa.Table, form: str, name: str) -> Response[bytes]:
    """Return a table as a download."""
    headers = {"content-disposition": f'attachment; filename="{name}.{form}"'}
    return Response(file_formats.as_bytes(table, form), media_type=file_formats.MEDIA[form], headers=headers)


class AtDesk:
    """The question service for the caller of a request. A question is cancelled when the caller disconnects."""

    def __init__(self, desk: Desk, request: Request[Caller, Any, Any], project: Project, policy: Policy) -> None:
        caller = request.user
        self.project, self.policy = project, policy
        self._desk, self._receive = desk, request.receive
        self._asker = Asker(
            policy, lambda name: caller.verdict(project, name).granted, lambda name: caller.need(project, name)
        )

    async def answer(self, body: Any) -> Reply:
        """Answer a body. A caller who sees only some of the rows does not see the SQL."""
        reply = await self._desk.answer(self.project, self._asker, body, self._gone)
        if self.policy.narrow:
            reply.queries = []
        return reply

    async def table(self, body: Any) -> pa.Table:
        """Answer a body with the rows of its first statement."""
        return await self._desk.table(self.project, self._asker, body, self._gone)

    async def run(self, work: Callable[[], Done]) -> Done:
        """Do work that is no question of the catalogue."""
        return await self._desk.run(self.policy, work, self._gone)

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def desk_of(project: Project, request: Request[Caller, Any, Any], desk: Desk) -> AtDesk:
    """Return the question service for the caller of a request and one of their projects."""
    return AtDesk(desk, request, project, await asyncio.to_thread(request.user.policy, project))


async def at_desk(project_id: UUID, request: Request[Caller, Any, Any], desk: Desk) -> AtDesk:
    """Return the question service for the caller of a request and the project in its path."""
    return await desk_of(request.user.project(project_id), request, desk)


class Ask(Controller):
    """`/api/v1/projects/{project_id}/ask`"""

    path = "/api/v1/projects/{project_id:uuid}/ask"
    tags = ("questions",)

    @post("/", opt={"may": SOMEBODY}, status_code=200)
    async def ask(
        self,
        request: Request[Caller, Any, Any],
        at_desk: AtDesk,
        form: Format = "json",
    ) -> Response[Reply] | Response[bytes]:
        """Answer any question; the body names it. See docs/reference/questions.md.

        With `format`, the answer is a file with one table of the same numbers.
        """
        try:
            body = msgspec.json.decode(await request.body())
        except msgspec.DecodeError as error:
            raise BadQuestion("question", f"the body is not JSON: {error}") from error
        if form != "json" and isinstance(body, dict) and body.get("question") in TABLES:
            return await asyncio.to_thread(as_file, await at_desk.table(body), form, body["question"])
        reply = await at_desk.answer(body)
        if form == "json":
            return Response(reply)
        table = tabular.table(body["question"], msgspec.json.decode(reply.data))
        return as_file(table, form, body["question"])

    @delete("/{name:str}", opt={"may": SOMEBODY})
    async def cancel(self, name: str, at_desk: AtDesk, desk: Desk) -> None:
        """Stop a running question that was asked with this `id`."""
        desk.cancel(at_desk.policy, name)
