"""The one door: every question is data first and SQL second.

A question module names its template and what it needs besides; the template is a `.sql` file beside it. Jinja
decides a statement's structure only; every value is bound by the engine as `{name:Type}`.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import pyarrow as pa
from jinja2 import Environment, PackageLoader, StrictUndefined

from trackway.analyze.filters import Filter, compile_filters
from trackway.analyze.period import Period
from trackway.store.connection import Store

_templates = Environment(
    loader=PackageLoader("trackway", "analyze"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    autoescape=False,  # noqa: S701 - SQL, not HTML; values are bound, never rendered
)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What every question has: whose data, when, in which time zone, about what, and with bots or without."""

    project_id: UUID
    period: Period
    timezone: str
    filters: tuple[Filter, ...] = ()
    bots: bool = False
    goals: tuple[str, ...] = ()


class Answer(msgspec.Struct):
    """A table, and how it came about: the statement, its values, and how long the engine took in milliseconds."""

    table: pa.Table
    sql: str
    parameters: dict[str, Any]
    took_ms: float

    def rows(self) -> list[dict[str, Any]]:
        """The rows as dictionaries of Python values."""
        rows: list[dict[str, Any]] = self.table.to_pylist()
        return rows


def ask(
    store: Store, template: str, question: Question, structure: dict[str, Any] | None = None, **values: Any
) -> Answer:
    """Render `template` for a question and have the engine answer it.

    Args:
        structure: names that the template may use to decide the statement's shape; never anything from outside.
        values: further values to bind.

    Raises:
        QuestionFailed: the engine refuses the statement.
    """
    conditions = compile_filters(list(question.filters))
    without_bots = "" if question.bots else " AND bot = ''"
    sql = _templates.get_template(template).render(
        event_filter=conditions.events + without_bots,
        session_filter=conditions.sessions + without_bots,
        **(structure or {}),
    )
    parameters: dict[str, Any] = {
        "project": question.project_id,
        "start": moment(question.period.start),
        "end": moment(question.period.end),
        "timezone": question.timezone,
        **conditions.parameters,
        **values,
    }
    parameters = {name: value for name, value in parameters.items() if f"{{{name}:" in sql}
    started = time.perf_counter()
    table = store.ask(sql, parameters)
    return Answer(table, sql, parameters, (time.perf_counter() - started) * 1000)


def moment(at: datetime) -> str:
    """A moment as the engine reads a bound DateTime64 in UTC."""
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
