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
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import msgspec

from trackway.analyze.answers import Answers, Version, settings_of
from trackway.analyze.behavior.trend import Trend, TrendAnswer, make_lines_whole
from trackway.analyze.catalogue import KINDS, QUESTIONS, SAMPLED, Answered, Asking, needed
from trackway.analyze.concurrency import Slots
from trackway.analyze.data.missing_values import lacking
from trackway.analyze.language.filters import Node, inlined, read
from trackway.analyze.language.period import BadQuestion, Period, period
from trackway.analyze.language.question import Question
from trackway.analyze.language.sampling import make_whole
from trackway.analyze.reply import Before, Cached, Computed, ComputedAsJson, Reply, Stretch, TrendNote
from trackway.govern.saved.segments import Saved
from trackway.govern.tables import Project
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
_ID = re.compile(r"^[A-Za-z0-9_-]{0,64}$")


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


class Desk:
    """Answers questions, with its own threads, a cache of answers, and a limit for each project.

    Args:
        version: returns the version of a project's data; a different tuple means different data.
        slots: limits the questions of a project that run at once.
        threads: the number of questions of all projects that run at once.
    """

    def __init__(
        self, store: Store, saved: Saved, version: Callable[[UUID], Version], slots: Slots, threads: int = 8
    ) -> None:
        self._store, self._saved, self.version, self._slots = store, saved, version, slots
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="ask")
        self.answers = Answers()
        self._tasks: dict[tuple[Policy, str], asyncio.Future[Any]] = {}
        self._names: set[str] = set()
        """The names of questions that run or wait for a slot."""

    async def answer(self, project: Project, asker: Asker, body: Any, gone: Callable[[], Any]) -> Reply:
        """Answer a body; the data in the reply are JSON (`msgspec.Raw`).

        `gone` is awaited at the same time; when it returns first, the question is cancelled.
        """
        project_id, now = UUID(project.id), datetime.now(UTC)
        whole_project = not asker.policy.narrow
        body = inlined(body, lambda one: saved_filter(self._saved, project_id, one) if whole_project else None)
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
        computed = msgspec.json.decode(kept.body, type=ComputedAsJson)
        return Reply(
            **msgspec.structs.asdict(computed),
            period=Stretch(stretch.start, stretch.end),
            cache=Cached(
                hit=hit,
                stale=kept.version != version,
                made_at=datetime.fromtimestamp(kept.made_at, UTC),
                took_ms=round(kept.took_ms, 1),
            ),
        )

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
                self._store.forget(name)

        async def start() -> bytes:
            self._names.add(name)
            async with self._slots.of(policy):
                context = contextvars.copy_context()
                return await asyncio.get_running_loop().run_in_executor(self._threads, context.run, work)

        return start

    def _answered(
        self, read_: Read, project: Project, policy: Policy, stretch: Period, earlier: Period | None, now: datetime
    ) -> Computed:
        project_id, store = UUID(project.id), self._store.within(policy)
        filters = () if read_.filter is None else (read_.filter,)
        question = Question.of(project, stretch, *filters, bots=read_.common.bots, sample=read_.common.sample)
        answers, data = self._ask(Asking(store, question, project, now), read_.asked)
        computed = Computed(data=data, queries=[answer.opened() for answer in answers])
        if filters and (notes := lacking(store, question)):
            computed.notes = notes
        if earlier is not None:
            before = msgspec.structs.replace(question, period=earlier)
            _, data_before = self._ask(Asking(store, before, project, now), read_.asked)
            computed.before = Before(data_before, earlier.start, earlier.end)
        if isinstance(read_.asked, Trend) and not policy.narrow:
            computed.annotations = [
                TrendNote(note.id, note.at.replace(tzinfo=UTC), note.text)
                for note in self._saved.annotations(project_id, stretch.start, stretch.end)
            ]
        return computed

    @staticmethod
    def _ask(asking: Asking, asked: Any) -> Answered:
        answers, data = QUESTIONS[type(asked)].answer(asking, asked)
        share = asking.question.sample
        if share < 1 and isinstance(data, TrendAnswer):
            make_lines_whole(data.series, share)
        elif share < 1:
            make_whole(data, share)
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
    found = saved.segment(project_id, segment_id)
    return None if found is None else {"cohort": str(segment_id)} if found.kind == "list" else found.filter
