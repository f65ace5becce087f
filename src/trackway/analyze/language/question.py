"""Questions and answers: every question is data first, and SQL second.

The module of a question names its template, a `.sql` file beside it, and passes further values. Jinja decides only the
structure of a statement; every value is bound by the engine as `{name:Type}`.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa

from trackway.analyze.language import journeys
from trackway.analyze.language.conditions import Compiler
from trackway.analyze.language.filters import Group, Node
from trackway.analyze.language.journeys import Everybody
from trackway.analyze.language.period import BadQuestion, Period
from trackway.govern.metric_packs import pack_of
from trackway.govern.personal_rules import Journey
from trackway.govern.tables import Project
from trackway.statements import templates
from trackway.store.connection import Store

_templates = templates("analyze", ".")


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """The parts that every question has: project, period, time zone, filters, and whether bots count.

    `sample` is the share of persons to count, 0 to 1. `overruled_bot_reasons` are bot
    reasons that this project overrules: visitors flagged for these reasons count as humans. `metrics` is the metrics
    pack, whose rules decide stages and intents, and `metrics_version` its number.
    """

    project_id: UUID
    period: Period
    timezone: str
    filters: tuple[Node, ...] = ()
    bots: bool = False
    goals: tuple[str, ...] = ()
    overruled_bot_reasons: tuple[str, ...] = ()
    metrics: str = ""
    metrics_version: int = 1
    sample: float = 1.0

    @classmethod
    def of(cls, project: Project, period: Period, *filters: Node, bots: bool = False, sample: float = 1.0) -> Question:
        """Build a question about a project, with its time zone, its goals and the bot reasons that it overrules."""
        return cls(
            project_id=UUID(project.id), period=period, timezone=project.timezone, filters=filters, bots=bots,
            goals=tuple(project.goals), overruled_bot_reasons=tuple(project.overruled_bot_reasons),
            metrics=project.metrics, metrics_version=project.metrics_version, sample=sample,
        )  # fmt: skip

    @property
    def journey(self) -> Journey:
        """The rules of stages and intents."""
        return pack_of(self.metrics).journey if self.metrics else Journey()

    def whole_hours(self) -> bool:
        """Whether hourly counters can answer exactly: every day of the period must start at a whole hour of UTC."""
        start, end = self.period
        if any(at.minute or at.second or at.microsecond for at in (start, end)):
            return False
        # The offset can change within the period. Changes are months apart, so weekly samples find each of them.
        zone, at = ZoneInfo(self.timezone), start
        while at < end:
            if (at.astimezone(zone).utcoffset() or timedelta()).total_seconds() % 3600:
                return False
            at += timedelta(days=7)
        return not (end.astimezone(zone).utcoffset() or timedelta()).total_seconds() % 3600

    def plain(self, store: Store) -> bool:
        """Whether the question has no filters, sample or narrow policy, so that counters of the whole project can
        answer it.
        """
        narrow = store.policy is not None and store.policy.narrow
        return not narrow and not self.filters and self.sample >= 1 and self.whole_hours()


Row = TypeVar("Row")


class Query(msgspec.Struct):
    """The origin of numbers: a statement, its bound values, and the time it took in the engine, in milliseconds."""

    sql: str
    parameters: dict[str, Any]
    took_ms: float


class Answer(msgspec.Struct):
    """A table, with the statement that produced it, the statement's values, and the engine's time in milliseconds."""

    table: pa.Table
    sql: str
    parameters: dict[str, Any]
    took_ms: float

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows as dictionaries of Python values."""
        rows: list[dict[str, Any]] = self.table.to_pylist()
        return rows

    def structs(self, kind: type[Row]) -> list[Row]:
        """Return the rows as structs with a field for each column. Values are not checked: that would be slow for long
        lists (tests/analyze/test_ask.py checks that the types of columns and fields agree).
        """
        return [kind(**row) for row in self.table.to_pylist()]

    def opened(self) -> Query:
        """Return the origin of the numbers."""
        return Query(self.sql, self.parameters, round(self.took_ms, 1))


def compiler(store: Store, question: Question) -> Compiler:
    """Return a compiler of conditions for one statement over a store."""
    return Compiler(lambda: _person(store), lambda name, conditions: _journeys(store, question, name, conditions))


def _journeys(store: Store, question: Question, name: str, conditions: Compiler) -> Everybody:
    if store.policy is not None and store.policy.entities is not None:
        raise BadQuestion(name, "is about people; an account of entities does not see single people")
    counts = without_bots(question, conditions)
    end = conditions.values.bind(moment(min(question.period.end, datetime.now(UTC))), "DateTime64(3,'UTC')")
    return journeys.everybody(question.journey, name, conditions.person, counts, conditions.values.bind, end)


def _person(store: Store) -> str:
    return "(identity + dictGet('persons', 'delta', identity))" if store.persons.any else "identity"


def without_bots(question: Question, conditions: Compiler) -> str:
    """Return the condition that a row of events, sessions, visitors or counters counts: bots are excluded unless asked
    for.
    """
    if question.bots:
        return "1"
    if not question.overruled_bot_reasons:
        return "bot = ''"
    return f"bot IN {conditions.values.bind(['', *question.overruled_bot_reasons], 'Array(String)')}"


def everybody(question: Question, conditions: Compiler) -> str:
    """Return the SQL that is appended to every condition: it excludes bots (unless asked for) and people outside the
    sample.
    """
    always = "" if question.bots else f" AND {without_bots(question, conditions)}"
    return always + sampled(question, conditions)


def sampled(question: Question, conditions: Compiler) -> str:
    """Return the SQL that is appended to conditions on orders: it excludes people outside the sample. Orders count even
    if a bot reported them.
    """
    if question.sample >= 1:
        return ""
    return f" AND intHash64({conditions.person}) % 10000 < {round(question.sample * 10_000)}"


def people_filter(question: Question, conditions: Compiler) -> dict[str, Any]:
    """Compile the question's filters for rows that have an identity, for `{{ people_filter }}` in a template."""
    return {"people_filter": "".join(f" AND {conditions.on_people(node)}" for node in question.filters)}


def order_names(store: Store) -> str:
    """Return the condition that an event's name reports a completed or refunded order or booking (enrich/orders.py)."""
    called = "match(name, '^(?i)(order|booking)[ _-](completed|refunded)$')"
    if store.policy is not None and store.policy.narrow:
        return called
    # With the exact names, the primary key can find the events.
    return f"name IN (SELECT name FROM event_counts WHERE project_id = {{project:UUID}} AND {called})"


class _Person:
    """The value of `{{ person }}` in a template; computed only when a template uses it."""

    def __init__(self, conditions: Compiler) -> None:
        self._conditions = conditions

    def __str__(self) -> str:
        return self._conditions.person


def ask(
    store: Store,
    template: str,
    question: Question,
    structure: dict[str, Any] | None = None,
    conditions: Compiler | None = None,
    settings: str = "",
    **values: Any,
) -> Answer:
    """Render `template` for a question and let the engine answer it.

    Args:
        structure: names with which the template decides the structure of the statement; never user input.
        conditions: the compiler of the conditions in `structure`; holds their values.
        settings: settings of the statement, for the engine.
        values: further values to bind.

    Raises:
        QuestionFailed: the engine refuses the statement.
    """
    conditions = conditions or compiler(store, question)
    always = everybody(question, conditions)
    counts = without_bots(question, conditions)
    sql = _templates.get_template(template).render(
        event_filter="".join(f" AND {conditions.on_events(node)}" for node in question.filters) + always,
        session_filter=f" AND {conditions.on_sessions(Group('all', question.filters))}" * bool(question.filters)
        + always,
        order_filter="".join(f" AND {conditions.on_events(node)}" for node in question.filters)
        + sampled(question, conditions),
        order_names=order_names(store),
        person=_Person(conditions),
        counts=counts,
        **(structure or {}),
    )
    sql = conditions.with_lists(sql)
    parameters: dict[str, Any] = {
        "project": question.project_id,
        "start": moment(question.period.start),
        "end": moment(question.period.end),
        "timezone": question.timezone,
        **conditions.values.parameters,
        **values,
    }
    parameters = {name: value for name, value in parameters.items() if f"{{{name}:" in sql}
    started = time.perf_counter()
    table = store.ask(sql, parameters, settings)
    return Answer(table, sql, parameters, (time.perf_counter() - started) * 1000)


def moment(at: datetime) -> str:
    """Format a time as the engine reads a bound DateTime64 in UTC; a time without a zone is in UTC."""
    at = at if at.tzinfo is None else at.astimezone(UTC)
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
