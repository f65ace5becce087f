"""The query parameters of endpoints about a period: the period, the filters, and whether bots count."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Request
from litestar.params import Parameter

from trackway.analyze.desk import saved_filter
from trackway.analyze.language.filters import inlined, read
from trackway.analyze.language.period import period
from trackway.analyze.language.question import Question
from trackway.govern.tables import Project
from trackway.runtime import Runtime
from trackway.web.server.caller import Caller

Limit = Annotated[int, Parameter(ge=1, le=1000)]


class Common(msgspec.Struct):
    """The parameters as they came; `compare` names the period to compare with."""

    period: str
    since: str
    until: str
    compare: Literal["previous", "year"]
    filters: list[str]
    bots: bool

    def body(self) -> dict[str, Any]:
        """Return the parameters as fields of a question's body."""
        fields: dict[str, Any] = {"period": self.period, "from": self.since, "to": self.until, "bots": self.bots}
        return fields | ({"filter": {"all": self.filters}} if self.filters else {})


def common(
    period_name: Annotated[str, Parameter(query="period", description="today, 7d, 30d, …")] = "30d",
    since: Annotated[str, Parameter(query="from", description="first day, YYYY-MM-DD")] = "",
    until: Annotated[str, Parameter(query="to", description="last day, YYYY-MM-DD")] = "",
    compare: Literal["previous", "year"] = "previous",
    filters: Annotated[
        list[str] | None,
        Parameter(query="filter", description=r"column:operator:value|value, repeatable; \| is a | of a value"),
    ] = None,
    bots: bool = False,
) -> Common:
    """Take the parameters from the URL."""
    return Common(period_name, since, until, compare, filters or [], bots)


class Asked(msgspec.Struct):
    """A project, and its question by the parameters, for endpoints that answer no question of the catalogue."""

    project: Project
    question: Question


def asked(project_id: UUID, request: Request[Caller, Any, Any], common: Common, runtime: Runtime) -> Asked:
    """Parse the parameters.

    Raises:
        BadQuestion: the period or a filter is invalid.
    """
    project = request.user.project(project_id)
    stretch = period(common.period, project.timezone, datetime.now(UTC), common.since, common.until)
    saved = runtime.accounts.saved
    filters = (read(inlined(text, lambda segment: saved_filter(saved, project_id, segment))) for text in common.filters)
    return Asked(project, Question.of(project, stretch, *filters, bots=common.bots))
