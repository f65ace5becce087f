"""Endpoints of single questions, from before `POST …/ask`, and free SQL. Access: callers with the permission in
`opt["may"]` of each handler.

Each endpoint builds the body of a question, has the desk answer it, and gives the answer the form that it
had before. They are deprecated and go with version 1.0 (docs/decisions/0016-one-endpoint.md).
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.di import Provide
from litestar.exceptions import NotFoundException
from litestar.params import Parameter

from trackway.analyze.data import free_sql
from trackway.analyze.desk import Desk
from trackway.analyze.language.period import Interval, Period
from trackway.analyze.reply import Reply, Stretch
from trackway.store.connection import Store
from trackway.web.api.ask import AtDesk, Format, as_file
from trackway.web.api.question_parameters import Common, Limit
from trackway.web.server.caller import SOMEBODY, Caller

Form = dict[str, Any] | Response[bytes]


class Translation:
    """A request to one of the endpoints, and the question service for its caller."""

    def __init__(self, at_desk: AtDesk, common: Common) -> None:
        self.at_desk, self.common = at_desk, common

    async def ask(self, question: str, **fields: Any) -> Reply:
        """Ask a question about the period and filters of the URL."""
        return await self.at_desk.answer({"question": question, **self.common.body(), **fields})

    def shaped(self, reply: Reply, data: object) -> dict[str, Any]:
        """Return an answer with its first query, its period, the period before, and notes on its filters."""
        stretch = Period(reply.period.start, reply.period.end)
        before = stretch.before(self.at_desk.project.timezone, self.common.compare)
        shaped = {**_data_and_query(reply, data), "period": reply.period, "before": Stretch(*before)}
        return shaped if reply.notes is msgspec.UNSET else {**shaped, "notes": reply.notes}

    async def listed(self, question: str, form: str, name: str, **fields: Any) -> Form:
        """Ask for rows, as JSON or as a file."""
        if form == "json":
            reply = await self.ask(question, **fields)
            return self.shaped(reply, reply.data)
        table = await self.at_desk.table({"question": question, **self.common.body(), **fields})
        return await asyncio.to_thread(as_file, table, form, name)


def _data_and_query(reply: Reply, data: object) -> dict[str, Any]:
    return {"data": data, "query": reply.queries[0]} if reply.queries else {"data": data}


def _instead(question: str) -> dict[str, Any]:
    return {"deprecated": True, "description": f"Ask the question `{question}` of `POST …/ask` instead."}


class Questions(Controller):
    """`/api/v1/projects/{project_id}/…`"""

    path = "/api/v1/projects/{project_id:uuid}"
    tags = ("questions",)
    dependencies = {"translation": Provide(Translation, sync_to_thread=False)}  # noqa: RUF012 - as Litestar has it

    @get("/overview", opt={"may": "ask"}, **_instead("overview"))
    async def overview(self, translation: Translation) -> dict[str, Any]:
        """Return visitors, sessions, page views, bounce rate, duration, events and revenue, compared with another
        period.
        """
        reply = await translation.ask("overview", compare=translation.common.compare)
        return translation.shaped(reply, reply.data)

    @get("/trend", opt={"may": "ask"}, **_instead("trend"))
    async def trend(
        self, translation: Translation, metric: str = "visitors", interval: Interval = "day"
    ) -> dict[str, Any]:
        """Return one metric by hour, day, week or month, with the period before."""
        reply = await translation.ask(
            "trend", series=[{"metric": metric}], interval=interval, compare=translation.common.compare
        )
        assert reply.before is not msgspec.UNSET
        data = {"points": _points(reply.data), "previous": _points(reply.before.data)}
        return translation.shaped(reply, data)

    @get("/breakdown", opt={"may": "ask"}, **_instead("breakdown"))
    async def breakdown(self, translation: Translation, by: str, limit: Limit = 10, form: Format = "json") -> Form:
        """Count visitors and events (or sessions) by any column or property."""
        return await translation.listed("breakdown", form, by, by=by, limit=limit)

    @get("/sources", opt={"may": "ask"}, **_instead("sources"))
    async def sources(
        self, translation: Translation, by: list[str] | None = None, limit: Limit = 100, form: Format = "json"
    ) -> Form:
        """Count sessions by source, with conversions and revenue."""
        columns = by or ["channel", "source", "medium"]
        return await translation.listed("sources", form, "sources", by=columns, limit=limit)

    @get("/events", opt={"may": "live"}, **_instead("newest_events"))
    async def events(
        self, translation: Translation, limit: Limit = 100, before: datetime | None = None, form: Format = "json"
    ) -> Form:
        """List the newest events, or the newest before a time."""
        return await translation.listed("newest_events", form, "events", limit=limit, before=before)

    @get("/sessions", opt={"may": "people"}, **_instead("newest_sessions"))
    async def sessions(
        self, translation: Translation, limit: Limit = 50, before: datetime | None = None, form: Format = "json"
    ) -> Form:
        """List the newest sessions, or the newest before a time."""
        return await translation.listed("newest_sessions", form, "sessions", limit=limit, before=before)

    @get("/visitors", opt={"may": "people"}, **_instead("visitors"))
    async def visitors(
        self,
        translation: Translation,
        search: str = "",
        limit: Limit = 50,
        offset: Annotated[int, Parameter(ge=0, le=1_000_000)] = 0,
        form: Format = "json",
    ) -> Form:
        """List the visitors of the period, the last seen first."""
        return await translation.listed("visitors", form, "visitors", search=search, limit=limit, offset=offset)

    @get("/visitor", opt={"may": "people"}, **_instead("visitor"))
    async def visitor(
        self,
        translation: Translation,
        visitor_id: Annotated[str, Parameter(query="id")],
        limit: Limit = 200,
        before: datetime | None = None,
    ) -> dict[str, Any]:
        """Return one visitor, bot or not: totals, sessions and the timeline of events."""
        reply = await translation.ask("visitor", visitor_id=visitor_id, limit=limit, before=before)
        if bytes(reply.data) == b"null":
            raise NotFoundException(f"there is no visitor {visitor_id}")
        return _data_and_query(reply, reply.data)

    @get("/live", opt={"may": "ask"}, **_instead("live"))
    async def live(self, translation: Translation) -> dict[str, Any]:
        """Return the visitors who are active now, and the last half hour by minute."""
        reply = await translation.ask("live")
        return _data_and_query(reply, reply.data)

    @get("/rejections", opt={"may": "people"}, **_instead("rejections"))
    async def rejections(self, at_desk: AtDesk) -> list[dict[str, Any]]:
        """List the newest 100 refused messages of the last 7 days, with the reasons."""
        reply = await at_desk.answer({"question": "rejections"})
        rows: list[dict[str, Any]] = msgspec.json.decode(reply.data)
        return rows

    @get("/version", opt={"may": SOMEBODY}, sync_to_thread=True)
    def version(self, project_id: UUID, request: Request[Caller, Any, Any], desk: Desk) -> dict[str, int]:
        """Return a number that grows when something new is stored: answers are current until it changes."""
        request.user.project(project_id)
        return {"version": sum(desk.version(project_id))}

    @post("/query", opt={"may": "sql"}, status_code=200)
    async def query(self, data: Statement, at_desk: AtDesk, store: Store, form: Format = "json") -> Form:
        """Run one SELECT over the rows that the caller sees."""

        def work() -> Form:
            answer = free_sql.query(store, data.sql)
            if form == "json":
                return {"data": answer.rows(), "query": answer.opened()}
            return as_file(answer.table, form, "query")

        return await at_desk.run(work)


def _points(data: msgspec.Raw) -> list[dict[str, Any]]:
    drawn = msgspec.json.decode(data)
    return [
        {"at": at, "value": value} for at, value in zip(drawn["moments"], drawn["series"][0]["points"], strict=True)
    ]


class Statement(msgspec.Struct):
    """A statement in the engine's SQL."""

    sql: Annotated[str, msgspec.Meta(max_length=100_000)]
