"""The rules of a project about single people: stages, intents and suggestions, and what others would change.

Access: callers with the permission `manage`. The rules are part of the project's metrics pack, which keeps everything
else.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, get, post, put
from litestar.exceptions import ClientException, NotFoundException

from trackway.analyze.language.period import BadQuestion, Period
from trackway.analyze.language.question import Question
from trackway.govern.metric_packs import pack_of, with_rules
from trackway.govern.personal_rules import FACTS, BadRule, Rules
from trackway.govern.saved.tables import PackVersion
from trackway.govern.tables import Project
from trackway.personalize.moves import Column, RuleChange, rule_changes
from trackway.runtime import Runtime
from trackway.store.connection import Store
from trackway.web.api.ask import AtDesk
from trackway.web.server.caller import Caller

_EVER = datetime(2000, 1, 1, tzinfo=UTC)


class RulesShown(msgspec.Struct, kw_only=True):
    """A version of the rules: its number, who saved it and when (nobody, for those that the project had at first), and
    the `facts` that rules can look at besides their own `counts`, each with its description.
    """

    version: int
    current: bool
    created_by: str
    created_at: datetime
    rules: Rules
    facts: dict[str, str]


class RulesVersion(msgspec.Struct, kw_only=True):
    """A version of the rules: who saved it and when, and its numbers of stages, intents and suggestions."""

    version: int
    current: bool
    created_by: str
    created_at: datetime
    stages: int
    intents: int
    suggestions: int


class ChangedRules(msgspec.Struct, forbid_unknown_fields=True):
    """Rules to save, and the `version` that they change."""

    version: Annotated[int, msgspec.Meta(ge=1)]
    rules: Rules


class RulesPreview(msgspec.Struct, kw_only=True):
    """The effect of rules at present: the number of people, how many of them would be in another stage or have another
    intent, and from which to which.
    """

    people: int
    other_stage: int
    other_intent: int
    stages: list[RuleChange]
    intents: list[RuleChange]


class RulesOfProject(Controller):
    """`/api/v1/projects/{project_id}/rules`"""

    path = "/api/v1/projects/{project_id:uuid}/rules"
    tags = ("rules",)

    @get("/", opt={"may": "manage"}, sync_to_thread=True)
    def rules(
        self, project_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime, version: int | None = None
    ) -> RulesShown:
        """Return the rules in force, or one of their versions."""
        return _shown(request.user.project(project_id), runtime, version)

    @get("/versions", opt={"may": "manage"}, sync_to_thread=True)
    def versions(self, project_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime) -> list[RulesVersion]:
        """List every version, the newest first. Every change of the metrics pack is one."""
        project = request.user.project(project_id)
        return [_listed(kept, project) for kept in runtime.accounts.packs.all(project)]

    @put("/", opt={"may": "manage"}, sync_to_thread=True)
    def write(
        self, project_id: UUID, data: ChangedRules, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> RulesShown:
        """Save rules as the next version; answers follow them at once. 409 if somebody else has saved a version since
        the one that was changed.
        """
        return _write(request.user, project_id, runtime, data.version, data.rules)

    @post("/versions/{version:int}/restore", opt={"may": "manage"}, status_code=200, sync_to_thread=True)
    def restore(
        self, project_id: UUID, version: int, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> RulesShown:
        """Save the rules of an earlier version as the next one."""
        project = request.user.project(project_id)
        rules = _shown(project, runtime, version).rules
        return _write(request.user, project_id, runtime, project.metrics_version, rules, restored=version)

    @post("/preview", opt={"may": "manage"}, status_code=200)
    async def preview(self, data: Rules, at_desk: AtDesk, store: Store) -> RulesPreview:
        """Count the people whom rules would put into another stage or intent than those in force. Saves nothing."""
        await asyncio.to_thread(_text, at_desk.project, data)
        return await at_desk.run(lambda: _preview(store, at_desk.project, data))


def _shown(project: Project, runtime: Runtime, version: int | None) -> RulesShown:
    kept = runtime.accounts.packs.one(project, project.metrics_version if version is None else version)
    if kept is None:
        raise NotFoundException(f"there is no version {version} of the rules")
    return RulesShown(
        version=kept.version,
        current=kept.version == project.metrics_version,
        created_by=kept.created_by,
        created_at=kept.created_at.replace(tzinfo=UTC),
        rules=pack_of(kept.metrics).rules,
        facts=FACTS,
    )


def _listed(kept: PackVersion, project: Project) -> RulesVersion:
    rules = pack_of(kept.metrics).rules
    return RulesVersion(
        version=kept.version,
        current=kept.version == project.metrics_version,
        created_by=kept.created_by,
        created_at=kept.created_at.replace(tzinfo=UTC),
        stages=len(rules.journey.stages),
        intents=len(rules.journey.intents),
        suggestions=len(rules.suggestions),
    )


def _text(project: Project, rules: Rules) -> str:
    """Return the project's pack with these rules. Raises BadQuestion, which names the place of a fault."""
    try:
        return with_rules(project.metrics, rules)
    except BadRule as error:
        raise BadQuestion(error.field, error.reason) from error


def _write(caller: Caller, project_id: UUID, runtime: Runtime, version: int, rules: Rules, **detail: int) -> RulesShown:
    project = caller.project(project_id)
    text = _text(project, rules)
    pack_of(text)
    written = runtime.accounts.packs.write(project_id, text, caller.name, after=version)
    if written is None:
        raise ClientException(
            f"version {version} is not the newest one any more; look at what changed and save again", status_code=409
        )
    caller.wrote("rules changed", f"version {written.metrics_version}", project_id, **detail)
    return _shown(written, runtime, None)


def _preview(store: Store, project: Project, rules: Rules) -> RulesPreview:
    now = datetime.now(UTC)
    question = Question.of(project, Period(_EVER, now))

    def changes(of: Column) -> list[RuleChange]:
        return rule_changes(store, question, of, rules.journey, now)

    stages, intents = changes("stage"), changes("intent")
    return RulesPreview(
        people=sum(change.people for change in stages),
        other_stage=sum(change.people for change in stages if change.was != change.became),
        other_intent=sum(change.people for change in intents if change.was != change.became),
        stages=stages,
        intents=intents,
    )
