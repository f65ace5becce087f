"""The one door for questions: `POST …/ask`, whatever is asked. Who may call: whoever has the permission that a question
needs (`catalogue.py`); what they see, their policy says.

A body names the `question`, what every question has (`period` or `from` and `to`, `filter`, `compare`, `bots`,
`sample`), and what that question has besides. Answers are kept until the project's data change; a question whose
client goes away, or that is cancelled, is stopped in the engine.
"""

from __future__ import annotations

import asyncio
import contextvars
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID, uuid4

import msgspec
import pyarrow as pa
from litestar import Controller, Request, Response, delete, post
from litestar.exceptions import PermissionDeniedException
from litestar.params import Parameter

from trackway.analyze import file_formats, tabular
from trackway.analyze.answers import Answers, Version, settings_of
from trackway.analyze.behavior.trend import Trend
from trackway.analyze.catalogue import KINDS, QUESTIONS, SAMPLED, Answered, Asking, needed
from trackway.analyze.data.missing_values import lacking
from trackway.analyze.language.filters import Node, inlined, read
from trackway.analyze.language.period import BadQuestion, Period, period
from trackway.analyze.language.question import Question
from trackway.analyze.language.sampling import whole, whole_lines
from trackway.govern.tables import Project
from trackway.store.connection import running
from trackway.store.policy import Policy
from trackway.web.caller import SOMEBODY, Caller
from trackway.web.house import House
from trackway.web.turns import Turns
from trackway.wording import fault

Format = Annotated[Literal["json", "csv", "parquet", "arrow"], Parameter(query="format")]


def as_file(table: pa.Table, form: str, name: str) -> Response[bytes]:
    """A table as a download."""
    headers = {"content-disposition": f'attachment; filename="{name}.{form}"'}
    return Response(file_formats.as_bytes(table, form), media_type=file_formats.MEDIA[form], headers=headers)


_WITH_MARGIN = frozenset(["persons", "visitors"])


class Common(msgspec.Struct, forbid_unknown_fields=True):
    """What every question has."""

    period: str = "30d"
    since: str = msgspec.field(default="", name="from")
    until: str = msgspec.field(default="", name="to")
    filter: Any = None
    compare: Any = None
    bots: bool = False
    sample: float = 1.0
    max_age_s: float = 0
    id: str = ""


_COMMON = {field.encode_name for field in msgspec.structs.fields(Common)}
_ID = re.compile(r"^[A-Za-z0-9_-]{0,64}$")


class Read(NamedTuple):
    """A body that has been understood."""

    common: Common
    asked: Any
    filter: Node | None


def understood(body: Any) -> Read:
    """What a body asks.

    Raises:
        BadQuestion: no such question, or a part of it that is unknown or wrong; `field` names it.
    """
    if not isinstance(body, dict) or body.get("question") not in KINDS:
        raise BadQuestion("question", f"is one of {', '.join(KINDS)}")
    kind = KINDS[body["question"]]
    known = {field.encode_name for field in msgspec.structs.fields(kind)} | _COMMON | {"question"}
    if unknown := sorted(set(body) - known):
        raise BadQuestion(unknown[0], f"is not part of {body['question']}; it has {', '.join(sorted(known))}")
    try:
        common = msgspec.convert({name: value for name, value in body.items() if name in _COMMON}, Common)
        asked: Any = msgspec.convert({name: value for name, value in body.items() if name not in _COMMON}, kind)
    except msgspec.ValidationError as error:
        field, reason = fault(error, kind)
        raise BadQuestion(field or "question", reason) from error
    if not 0.001 <= common.sample <= 1:
        raise BadQuestion("sample", "is a share of people from 0.001 to 1")
    if common.sample < 1 and not (isinstance(asked, SAMPLED) and _only_people(asked)):
        raise BadQuestion("sample", "is for questions that count people: their numbers can be made whole")
    if not _ID.match(common.id):
        raise BadQuestion("id", "is made of at most 64 letters, digits, dashes and underscores")
    return Read(common, asked, read(common.filter) if common.filter is not None else None)


def _only_people(asked: Any) -> bool:
    if not isinstance(asked, Trend):
        return True
    return not asked.formulas and all(one.metric in _WITH_MARGIN for one in asked.series)


def _earlier(compare: Any, stretch: Period, timezone: str, now: datetime) -> Period | None:
    if compare is None:
        return None
    if compare in ("previous", "year"):
        return stretch.before(timezone, compare)
    if isinstance(compare, dict) and set(compare) == {"from", "to"}:
        return period("", timezone, now, str(compare["from"]), str(compare["to"]))
    raise BadQuestion("compare", "is previous, year, or an object of from and to")


class Asker(NamedTuple):
    """For whom a question is answered: a policy, and what raises PermissionDeniedException for what they may not."""

    policy: Policy
    need: Callable[[str], None]


def _with_viewers(body: Any, asker: Asker) -> Any:
    """A question of daily numbers that says whether they have the viewers, which needs a permission of its own."""
    if not isinstance(body, dict) or body.get("question") != "daily" or body.get("viewers") is False:
        return body
    try:
        asker.need("audience")
    except PermissionDeniedException:
        if body.get("viewers") is True:
            raise
        return {**body, "viewers": False}
    return body


class Desk:
    """Where questions are answered: threads, kept answers, and what is under way."""

    def __init__(self, house: House, turns: Turns, threads: int = 8) -> None:
        self._house, self._turns = house, turns
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="ask")
        self.answers = Answers()
        self._tasks: dict[tuple[Policy, str], asyncio.Future[Any]] = {}
        self._names: set[str] = set()
        """What waits for its turn or is being answered."""

    def version(self, project_id: UUID) -> Version:
        """Of which data answers about a project are now."""
        house = self._house
        return (
            house.loader.version(project_id),
            house.store.persons.version,
            house.accounts.saved.version,
            house.register.version,
        )

    async def answer(self, project: Project, asker: Asker, body: Any, gone: Callable[[], Any]) -> dict[str, Any]:
        """The answer to a body; `gone` is awaited beside it and ends the question when it returns."""
        project_id, now = UUID(project.id), datetime.now(UTC)
        whole_project = not asker.policy.narrow
        body = inlined(body, lambda one: saved_filter(self._house, project_id, one) if whole_project else None)
        body = _with_viewers(body, asker)
        read_ = understood(body)
        asker.need(needed(read_.asked))
        common = read_.common
        stretch = period(common.period, project.timezone, now, common.since, common.until)
        earlier = _earlier(common.compare, stretch, project.timezone, now)
        version = self.version(project_id)
        asked = {name: value for name, value in body.items() if name not in ("id", "max_age_s")}
        key = msgspec.json.encode([settings_of(project), asker.policy, stretch, earlier, asked]).decode()
        kept = self.answers.find(key, version, common.max_age_s)
        hit = kept is not None
        if kept is None:
            name = uuid4().hex
            compute = self._compute(read_, project, asker.policy, stretch, earlier, now, name)
            made = asyncio.ensure_future(self.answers.make(key, version, compute, lambda: self._cancel(name)))
            kept = await self._unless_gone(asker.policy, common.id or name, made, gone)
        return {
            **msgspec.json.decode(kept.body, type=dict[str, msgspec.Raw]),
            "period": {"from": stretch.start, "to": stretch.end},
            "cache": {
                "hit": hit,
                "stale": kept.version != version,
                "made_at": datetime.fromtimestamp(kept.made_at, UTC),
                "took_ms": round(kept.took_ms, 1),
            },
        }

    def _compute(
        self,
        read_: Read,
        project: Project,
        policy: Policy,
        stretch: Period,
        earlier: Period | None,
        now: datetime,
        name: str,
    ) -> Callable[[], Any]:
        def work() -> bytes:
            running.set(name)
            try:
                return msgspec.json.encode(self._answered(read_, project, policy, stretch, earlier, now))
            finally:
                self._names.discard(name)
                self._house.store.forget(name)

        async def start() -> bytes:
            self._names.add(name)
            async with self._turns.of(policy):
                context = contextvars.copy_context()
                return await asyncio.get_running_loop().run_in_executor(self._threads, context.run, work)

        return start

    def _answered(
        self, read_: Read, project: Project, policy: Policy, stretch: Period, earlier: Period | None, now: datetime
    ) -> dict[str, Any]:
        project_id, store = UUID(project.id), self._house.store.within(policy)
        filters = () if read_.filter is None else (read_.filter,)
        question = Question(
            project_id=project_id, period=stretch, timezone=project.timezone, filters=filters, bots=read_.common.bots,
            goals=tuple(project.goals), humans=tuple(project.humans), sample=read_.common.sample,
        )  # fmt: skip
        answers, data = self._ask(Asking(store, question, project, now), read_.asked)
        found: dict[str, Any] = {"data": data, "queries": [answer.opened() for answer in answers]}
        if filters and (notes := lacking(store, question)):
            found["notes"] = notes
        if earlier is not None:
            before = msgspec.structs.replace(question, period=earlier)
            _, data_before = self._ask(Asking(store, before, project, now), read_.asked)
            found["before"] = {"data": data_before, "from": earlier.start, "to": earlier.end}
        if isinstance(read_.asked, Trend) and not policy.narrow:
            found["annotations"] = [
                {"id": one.id, "at": one.at.replace(tzinfo=UTC), "text": one.text}
                for one in self._house.accounts.saved.annotations(project_id, stretch.start, stretch.end)
            ]
        return found

    @staticmethod
    def _ask(asking: Asking, asked: Any) -> Answered:
        answers, data = QUESTIONS[type(asked)](asking, asked)
        share = asking.question.sample
        if share < 1:
            data = (
                {**data, "series": whole_lines(data["series"], share)}
                if isinstance(asked, Trend)
                else whole(data, share)
            )
        return answers, data

    async def _unless_gone(self, policy: Policy, name: str, made: asyncio.Future[Any], gone: Callable[[], Any]) -> Any:
        watch = asyncio.ensure_future(gone())
        self._tasks[policy, name] = made
        try:
            await asyncio.wait({made, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not made.done():
                made.cancel()
            try:
                return await made
            except asyncio.CancelledError:
                raise BadQuestion("id", "the question was cancelled") from None
        finally:
            watch.cancel()
            self._tasks.pop((policy, name), None)

    def cancel(self, policy: Policy, name: str) -> bool:
        """Stop a question by the `id` it was asked with; False when nobody who sees the same asked it."""
        task = self._tasks.get((policy, name))
        return task is not None and task.cancel()

    def _cancel(self, name: str) -> None:
        def stop() -> None:
            self._house.store.cancel(name)
            if name not in self._names:
                self._house.store.forget(name)  # it had ended before

        asyncio.get_running_loop().run_in_executor(None, stop)


def saved_filter(house: House, project_id: UUID, segment_id: UUID) -> Any:
    """What a saved segment or list says, as a filter in JSON; None when there is none."""
    found = house.accounts.saved.segment(project_id, segment_id)
    return None if found is None else {"cohort": str(segment_id)} if found.kind == "list" else found.filter


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
    ) -> Response[Any]:
        """Answer any question; the body names it. See docs/reference/questions.md.

        As a file (`format`) it is one table of the same numbers.
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
        answer = await desk.answer(project, Asker(policy, lambda one: caller.need(project, one)), body, gone)
        if policy.narrow:
            answer["queries"] = []  # statements are of who may write them
        if form == "json":
            return Response(answer)
        data = msgspec.json.decode(answer["data"])
        return as_file(tabular.table(body["question"], data), form, body["question"])

    @delete("/{name:str}", opt={"may": SOMEBODY})
    async def cancel(self, project_id: UUID, name: str, request: Request[Caller, Any, Any], desk: Desk) -> None:
        """Stop a question that was asked with this `id`."""
        project = request.user.project(project_id)
        desk.cancel(await asyncio.to_thread(request.user.policy, project), name)
