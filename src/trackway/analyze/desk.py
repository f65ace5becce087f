"""The desk: reads a question from JSON, checks it, and answers it from the cache or with the engine.

A body contains the name of the `question`, the fields that all questions have (`period` or `from` and `to`, `filter`,
`compare`, `bots`, `sample`), and the question's own fields. Answers are cached until the project's data change. If the
client disconnects or cancels the question, the engine stops working on it.
"""

from __future__ import annotations

import asyncio
import contextvars
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID, uuid4

import msgspec
import pyarrow as pa

from trackway.analyze import file_formats
from trackway.analyze.answers import Answers, CachedAnswer, Version, settings_of
from trackway.analyze.behavior.trend import Trend, TrendAnswer, make_lines_whole
from trackway.analyze.catalogue import (
    COMPARING,
    KINDS,
    QUESTIONS,
    SAMPLED,
    UNFILTERED,
    Answered,
    Asking,
    cached_s,
    needed,
)
from trackway.analyze.concurrency import Slots
from trackway.analyze.data.missing_values import lacking
from trackway.analyze.language.filters import Node, inlined, read
from trackway.analyze.language.period import BadQuestion, Period, period
from trackway.analyze.language.question import Question
from trackway.analyze.language.sampling import make_whole
from trackway.analyze.reply import Before, Cached, Computed, ComputedAsJson, Reply, Stretch, TrendNote
from trackway.govern.saved.segments import Saved
from trackway.govern.tables import Project
from trackway.personalize.recommend.recommender import Recommender
from trackway.store.connection import Store, running
from trackway.store.policy import Policy
from trackway.wording import fault

_WITH_MARGIN = frozenset(["persons", "visitors"])


class Common(msgspec.Struct, forbid_unknown_fields=True):
    """The fields that every question has."""

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
_ID = re.compile(r"[A-Za-z0-9_-]{0,64}")


class Read(NamedTuple):
    """A parsed and checked body."""

    common: Common
    asked: Any
    filter: Node | None


def understood(body: Any) -> Read:
    """Parse and check a body.

    Raises:
        BadQuestion: there is no such question, or one of its fields is unknown or invalid; `field` names it.
    """
    question = body.get("question") if isinstance(body, dict) else None
    if not isinstance(question, str) or question not in KINDS:
        raise BadQuestion("question", f"is one of {', '.join(KINDS)}")
    kind = KINDS[question]
    known = {field.encode_name for field in msgspec.structs.fields(kind)} | _COMMON | {"question"}
    if unknown := sorted(set(body) - known):
        raise BadQuestion(unknown[0], f"is not part of {question}; it has {', '.join(sorted(known))}")
    try:
        common = msgspec.convert({name: value for name, value in body.items() if name in _COMMON}, Common)
        asked: Any = msgspec.convert({name: value for name, value in body.items() if name not in _COMMON}, kind)
    except msgspec.ValidationError as error:
        field, reason = fault(error, kind)
        raise BadQuestion(field or "question", reason) from error
    if not 0.001 <= common.sample <= 1:
        raise BadQuestion("sample", "is a share of people from 0.001 to 1")
    if common.sample < 1 and not (isinstance(asked, SAMPLED) and _only_people(asked)):
        raise BadQuestion("sample", "is for questions that count people: only these numbers can be extrapolated")
    if not _ID.fullmatch(common.id):
        raise BadQuestion("id", "is made of at most 64 letters, digits, dashes and underscores")
    return Read(common, asked, read(common.filter) if common.filter is not None else None)


def _only_people(asked: Any) -> bool:
    if not isinstance(asked, Trend):
        return True
    return not asked.formulas and all(series.metric in _WITH_MARGIN for series in asked.series)


def _earlier(compare: Any, stretch: Period, timezone: str, now: datetime) -> Period | None:
    if compare is None:
        return None
    if compare in ("previous", "year"):
        return stretch.before(timezone, compare)
    if isinstance(compare, dict) and set(compare) == {"from", "to"}:
        return period("", timezone, now, str(compare["from"]), str(compare["to"]))
    raise BadQuestion("compare", "is previous, year, or an object of from and to")


def _names_people(body: Any) -> bool:
    """Whether a question groups by user ids, filters by them, or counts them, in any part of it."""
    if isinstance(body, dict):
        return any(_names_people(part) for name, part in body.items() if name != "values")
    if isinstance(body, list):
        return any(map(_names_people, body))
    return isinstance(body, str) and re.match(r"\W*(session\.)?(user|visitor)_id(?![\w.])", body) is not None


class Asker(NamedTuple):
    """The caller of a question: the policy that limits their rows, the permissions they have (`may`), and `need`, which
    refuses a missing permission with the caller's own type of error.
    """

    policy: Policy
    may: Callable[[str], bool]
    need: Callable[[str], None]


def _with_viewers(body: Any, asker: Asker) -> Any:
    """Leave viewers out of daily metrics for callers without the permission `audience`; refuse a body that asks for
    them.
    """
    unsaid = isinstance(body, dict) and body.get("question") == "daily" and body.get("viewers") is not False
    if not unsaid or asker.may("audience"):
        return body
    if body.get("viewers") is True:
        asker.need("audience")
    return {**body, "viewers": False}


class _Prepared(NamedTuple):
    """A question that its caller may ask, with everything that its answer depends on."""

    body: dict[str, Any]
    read: Read
    project: Project
    policy: Policy
    stretch: Period
    earlier: Period | None


Done = TypeVar("Done")


class Desk:
    """Answers questions, with its own threads, a cache of answers, and a limit for each project.

    Args:
        version: returns the version of a project's data; a different tuple means different data.
        slots: limits the questions of a project that run at once.
        threads: the number of questions of all projects that run at once.
    """

    def __init__(
        self,
        store: Store,
        saved: Saved,
        recommender: Recommender,
        version: Callable[[UUID], Version],
        slots: Slots,
        threads: int = 8,
    ) -> None:
        self._store, self._saved, self._recommender, self.version, self._slots = (
            store,
            saved,
            recommender,
            version,
            slots,
        )
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="ask")
        self.answers = Answers()
        self._tasks: dict[tuple[Policy, str], asyncio.Future[Any]] = {}
        self._names: set[str] = set()
        """The names of questions that run or wait for a slot."""

    async def answer(self, project: Project, asker: Asker, body: Any, gone: Callable[[], Any]) -> Reply:
        """Answer a body; the data in the reply are JSON (`msgspec.Raw`).

        `gone` is awaited at the same time; when it returns first, the question is cancelled.
        """
        prepared = self._prepared(project, asker, body)
        cached, hit, version = await self._cached(prepared, "answer", lambda: self._answered(prepared), gone)
        computed = msgspec.json.decode(cached.body, type=ComputedAsJson)
        return Reply(
            **msgspec.structs.asdict(computed),
            period=Stretch(*prepared.stretch),
            cache=Cached(
                hit=hit,
                stale=cached.version != version,
                made_at=datetime.fromtimestamp(cached.made_at, UTC),
                took_ms=round(cached.took_ms, 1),
            ),
        )

    async def table(self, project: Project, asker: Asker, body: Any, gone: Callable[[], Any]) -> pa.Table:
        """Answer a body with the rows of its first statement, in the types of the engine. `gone` as for `answer`."""
        prepared = self._prepared(project, asker, body)
        cached, _, _ = await self._cached(prepared, "table", lambda: self._tabled(prepared), gone)
        return pa.ipc.open_stream(cached.body).read_all()

    async def run(self, policy: Policy, work: Callable[[], Done], gone: Callable[[], Any]) -> Done:
        """Do work of a caller that is no question of the catalogue, such as their own SQL, in a slot of their project.
        `gone` as for `answer`; nothing is cached.
        """
        name = uuid4().hex
        running_ = asyncio.ensure_future(self._in_slot(policy, name, work))
        waiting = asyncio.ensure_future(self._or_cancelled(running_, name))
        done: Done = await self._unless_gone(policy, name, waiting, gone)
        return done

    def _prepared(self, project: Project, asker: Asker, body: Any) -> _Prepared:
        project_id, now = UUID(project.id), datetime.now(UTC)
        whole_project = not asker.policy.narrow
        body = inlined(body, lambda segment: saved_filter(self._saved, project_id, segment) if whole_project else None)
        body = _with_viewers(body, asker)
        if asker.policy.entities is not None and _names_people(body):
            raise BadQuestion("user_id", "cannot be asked for, nor can visitor_id: an account sees no ids of people")
        read_ = understood(body)
        asker.need(needed(read_.asked))
        if read_.filter is not None and (reason := UNFILTERED.get(type(read_.asked))):
            raise BadQuestion("filter", f"is not possible here: {reason}")
        common = read_.common
        stretch = period(common.period, project.timezone, now, common.since, common.until)
        earlier = _earlier(common.compare, stretch, project.timezone, now)
        return _Prepared(body, read_, project, asker.policy, stretch, earlier)

    async def _cached(
        self, prepared: _Prepared, form: str, work: Callable[[], bytes], gone: Callable[[], Any]
    ) -> tuple[CachedAnswer, bool, Version]:
        """Return an answer in a form, from the cache or computed; whether it was cached; and the current version."""
        policy, common = prepared.policy, prepared.read.common
        version = self.version(policy.project_id)
        body = {name: value for name, value in prepared.body.items() if name not in ("id", "max_age_s")}
        parts = [settings_of(prepared.project), policy, prepared.stretch, prepared.earlier, body, form]
        key = msgspec.json.encode(parts).decode()
        cached = self.answers.find(key, version, common.max_age_s, cached_s(prepared.read.asked, key))
        if cached is not None:
            return cached, True, version
        name = uuid4().hex
        computing = self.answers.make(
            key, version, lambda: self._in_slot(policy, name, work), lambda: self._cancel(name)
        )
        task = asyncio.ensure_future(computing)
        return await self._unless_gone(policy, common.id or name, task, gone), False, version

    async def _in_slot(self, policy: Policy, name: str, work: Callable[[], Done]) -> Done:
        """Do work in a thread when the project has a free slot; its statements can be cancelled by the name."""

        def named() -> Done:
            running.set(name)
            try:
                return work()
            finally:
                self._names.discard(name)
                self._store.forget(name)

        self._names.add(name)
        async with self._slots.of(policy):
            context = contextvars.copy_context()
            return await asyncio.get_running_loop().run_in_executor(self._threads, context.run, named)

    async def _or_cancelled(self, work: asyncio.Future[Done], name: str) -> Done:
        """Wait for work; when the waiting is cancelled, cancel the work's statements too."""
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            work.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._cancel(name)
            raise

    def _asking(self, prepared: _Prepared) -> Asking:
        store, common = self._store.within(prepared.policy), prepared.read.common
        filters = () if prepared.read.filter is None else (prepared.read.filter,)
        question = Question.of(prepared.project, prepared.stretch, *filters, bots=common.bots, sample=common.sample)
        return Asking(
            store,
            question,
            prepared.project,
            datetime.now(UTC),
            self._saved.preferences,
            self._recommender,
            prepared.earlier,
        )

    def _tabled(self, prepared: _Prepared) -> bytes:
        answers, _ = self._ask(self._asking(prepared), prepared.read.asked)
        return file_formats.as_bytes(answers[0].table, "arrow")

    def _answered(self, prepared: _Prepared) -> bytes:
        asking, asked, earlier = self._asking(prepared), prepared.read.asked, prepared.earlier
        question = asking.question
        answers, data = self._ask(asking, asked)
        computed = Computed(data=data, queries=[answer.opened() for answer in answers])
        if question.filters and (notes := lacking(asking.store, question)):
            computed.notes = notes
        if earlier is not None and not isinstance(asked, COMPARING):
            before = msgspec.structs.replace(question, period=earlier)
            _, data_before = self._ask(asking._replace(question=before), asked)
            computed.before = Before(data_before, *earlier)
        if isinstance(asked, Trend) and not prepared.policy.narrow:
            computed.annotations = [
                TrendNote(note.id, note.at.replace(tzinfo=UTC), note.text)
                for note in self._saved.annotations(question.project_id, *question.period)
            ]
        return msgspec.json.encode(computed)

    @staticmethod
    def _ask(asking: Asking, asked: Any) -> Answered:
        answers, data = QUESTIONS[type(asked)].answer(asking, asked)
        share = asking.question.sample
        if share < 1 and isinstance(data, TrendAnswer):
            make_lines_whole(data.series, share)
        elif share < 1:
            make_whole(data, share)
        return answers, data

    async def _unless_gone(self, policy: Policy, name: str, task: asyncio.Future[Any], gone: Callable[[], Any]) -> Any:
        watch = asyncio.ensure_future(gone())
        self._tasks[policy, name] = task
        try:
            await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                task.cancel()
            try:
                return await task
            except asyncio.CancelledError:
                raise BadQuestion("id", "the question was cancelled") from None
        finally:
            watch.cancel()
            self._tasks.pop((policy, name), None)

    def cancel(self, policy: Policy, name: str) -> bool:
        """Cancel a question by its `id`. Returns False when no caller with this policy asked a question with this
        id.
        """
        task = self._tasks.get((policy, name))
        return task is not None and task.cancel()

    def _cancel(self, name: str) -> None:
        def stop() -> None:
            self._store.cancel(name)
            if name not in self._names:
                self._store.forget(name)  # it had finished before

        asyncio.get_running_loop().run_in_executor(None, stop)


def saved_filter(saved: Saved, project_id: UUID, segment_id: UUID) -> Any:
    """Return the filter of a saved segment or list, as JSON; None when there is none."""
    segment = saved.segment(project_id, segment_id)
    if segment is None:
        return None
    return {"cohort": str(segment_id)} if segment.kind == "list" else segment.filter
