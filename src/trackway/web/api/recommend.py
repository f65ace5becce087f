"""Recommendations for applications: `GET /v1/recommend`.

Access: servers with a secret key, others with a recommendations key (a quota per day, every call counted), members with
the permission `personal`, and people themselves with a token of the host for their own account of type user. A write
key, which is public, reads nothing.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, route
from litestar.enums import HttpMethod
from litestar.exceptions import TooManyRequestsException
from litestar.params import Parameter

from trackway.analyze.language.period import BadQuestion, Period
from trackway.analyze.language.question import Question
from trackway.govern.metric_packs import pack_of
from trackway.govern.surfaces import Kind
from trackway.govern.tables import Project
from trackway.personalize.person import Personal, Personalize
from trackway.personalize.recommend.answer import recommend
from trackway.personalize.recommend.asked import Recommend, Recommendations
from trackway.runtime import Runtime
from trackway.web.server.caller import ANYBODY, RECOMMEND_PATH, SOMEBODY, Caller

_ANYWHERE = {"access-control-allow-origin": "*"}
"""A token in a header is no cookie: pages of every origin may send theirs."""
EntityType = Annotated[str, Parameter(description="the type of the entities to recommend, such as `concert`")]
User = Annotated[str, Parameter(description="the user to whom to recommend; a person's own token needs none")]
Entity = Annotated[str, Parameter(description="the entity of which others are similar, also viewed or bought together")]
Context = Annotated[
    str, Parameter(description="ids of entities, joined by commas, the newest first, for somebody who is not known")
]
Place = Annotated[str, Parameter(description="a city, region or country of people, for what is popular and trending")]
Language = Annotated[str, Parameter(pattern="^[a-z]{2}(-[A-Z]{2})?$")]
Limit = Annotated[
    int, Parameter(ge=0, le=100, description="the most entities; 20, or those of the surface, if it is 0")
]


class RecommendApi(Controller):
    """`/v1/recommend`: entities of a type for a person, or like another entity."""

    path = RECOMMEND_PATH
    tags = ("people",)

    @get("/", opt={"may": SOMEBODY}, response_headers=_ANYWHERE)
    async def recommendations(
        self,
        request: Request[Caller, Any, Any],
        runtime: Runtime,
        entity_type: EntityType = "",
        user: User = "",
        entity: Entity = "",
        kind: Kind | None = None,
        surface: str = "",
        context: Context = "",
        place: Place = "",
        language: Language = "en",
        limit: Limit = 0,
        seen: bool = False,
    ) -> Recommendations:
        """Return the entities that fit best, each with its reason. With `seen`, those that the person knows too. A user
        of whom nothing is known gets what is popular.
        """
        project = await asyncio.to_thread(_project, request.user)
        if request.user.recommend_key:
            await asyncio.to_thread(_count, request.user.recommend_key, runtime)
        asked = Recommend(
            entity_type=entity_type, user_id=user, entity_id=entity, kind=kind or "", surface=surface, place=place,
            context=[one for one in context.split(",") if one][:100], language=language, limit=limit, seen=seen,
        )  # fmt: skip
        return await asyncio.to_thread(_recommended, request.user, project, runtime, asked)

    # Litestar answers OPTIONS itself where no handler with an earlier name does.
    @route(
        "/", http_method=[HttpMethod.OPTIONS], opt={"may": ANYBODY}, status_code=204, include_in_schema=False,
        sync_to_thread=False,
    )  # fmt: skip
    def allow(self) -> Response[None]:
        """Tell browsers that pages of every origin may call this address."""
        allowed = {
            "access-control-allow-methods": "GET", "access-control-allow-headers": "authorization",
            "access-control-max-age": "86400",
        }  # fmt: skip
        return Response(None, status_code=204, headers=_ANYWHERE | allowed)


def _count(key_id: str, runtime: Runtime) -> None:
    """Count a call of a recommendations key. Raises TooManyRequestsException when its quota is used up."""
    if seconds := runtime.accounts.recommendation_keys.count(key_id, datetime.now(UTC)):
        raise TooManyRequestsException(
            f"the quota of this key is used up for today (UTC); try again in {seconds} s",
            headers={"retry-after": str(seconds)},
        )


def _project(caller: Caller) -> Project:
    """Return the caller's only project, in which they may see single people."""
    projects = caller.projects()
    if len(projects) != 1:
        raise BadQuestion("project", "use a secret key or a token of the project; you see several projects")
    caller.need(projects[0], "personal")
    return projects[0]


def _recommended(caller: Caller, project: Project, runtime: Runtime, asked: Recommend) -> Recommendations:
    # Not at the desk: an application waits for this look-up by key, and so it must not wait for a slot behind slow
    # questions of the same project.
    now = datetime.now(UTC)
    question = Question.of(project, Period(datetime(2000, 1, 1, tzinfo=UTC), now))
    store = runtime.store.within(caller.policy(project))

    def intent_of(person: int) -> str:
        kept = runtime.personal.answer(project, person, Personalize(include=["intent"]), for_display=True)
        intent = msgspec.json.decode(kept.body, type=Personal).intent if kept else None
        return intent.name if intent else ""

    pack, saved = pack_of(project.metrics), runtime.accounts.saved.preferences
    return recommend(store, question, asked, pack, runtime.recommender, saved, now, intent_of)[1]
