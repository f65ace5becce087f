"""The endpoint for all questions: `POST …/ask`. Who may call: callers with the permission that the question needs
(`analyze/catalogue.py`); their policy limits the rows that they see.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pyarrow as pa
from litestar import Controller, Request, Response, delete, post
from litestar.params import Parameter

from trackway.analyze import file_formats, tabular
from trackway.analyze.desk import Asker, Desk
from trackway.analyze.language.period import BadQuestion
from trackway.analyze.reply import Reply
from trackway.govern.tables import Project
from trackway.store.policy import Policy
from trackway.web.server.caller import SOMEBODY, Caller

Format = Annotated[Literal["json", "csv", "parquet", "arrow"], Parameter(query="format")]


def as_file(table: pa.Table, form: str, name: str) -> Response[bytes]:
    """Return a table as a download."""
    headers = {"content-disposition": f'attachment; filename="{name}.{form}"'}
    return Response(file_formats.as_bytes(table, form), media_type=file_formats.MEDIA[form], headers=headers)


def asker(caller: Caller, project: Project, policy: Policy) -> Asker:
    """Describe the caller to the desk: their policy and their permissions."""
    return Asker(policy, lambda name: caller.verdict(project, name).granted, lambda name: caller.need(project, name))


class Ask(Controller):
    """`/api/v1/projects/{project_id}/ask`"""

    path = "/api/v1/projects/{project_id:uuid}/ask"
    tags = ("questions",)

    @post("/", opt={"may": SOMEBODY}, status_code=200)
    async def ask(
        self,
        project_id: UUID,
        request: Request[Caller, Any, Any],
        desk: Desk,
        form: Format = "json",
    ) -> Response[Reply] | Response[bytes]:
        """Answer any question; the body names it. See docs/reference/questions.md.

        With `format`, the answer is a file with one table of the same numbers.
        """
        project = request.user.project(project_id)
        try:
            body = msgspec.json.decode(await request.body())
        except msgspec.DecodeError as error:
            raise BadQuestion("question", f"the body is not JSON: {error}") from error

        async def gone() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass

        caller = request.user
        policy = await asyncio.to_thread(caller.policy, project)
        reply = await desk.answer(project, asker(caller, project, policy), body, gone)
        if policy.narrow:
            reply.queries = []  # a caller who sees only some rows must not see the SQL
        if form == "json":
            return Response(reply)
        data = msgspec.json.decode(reply.data)
        return as_file(tabular.table(body["question"], data), form, body["question"])

    @delete("/{name:str}", opt={"may": SOMEBODY})
    async def cancel(self, project_id: UUID, name: str, request: Request[Caller, Any, Any], desk: Desk) -> None:
        """Stop a running question that was asked with this `id`."""
        project = request.user.project(project_id)
        desk.cancel(await asyncio.to_thread(request.user.policy, project), name)
