"""The ASGI application: the collector beside the API and the dashboard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, Protocol
from uuid import UUID

from litestar import Controller, Litestar, Request
from litestar.di import Provide
from litestar.middleware import DefineMiddleware

from trackway.analyze.concurrency import Slots
from trackway.analyze.desk import Desk
from trackway.runtime import Runtime
from trackway.store.connection import Store
from trackway.web.api.accounts import AuditLog, Permissions, PlatformAccounts, Requests
from trackway.web.api.ask import Ask, at_desk
from trackway.web.api.boards import BoardsOfProject, SharedBoards
from trackway.web.api.connections import ConnectionsOfProject, Deliveries, OrdersOfProject
from trackway.web.api.customers import CustomerMetrics, Customers
from trackway.web.api.dead_letters import DeadLetters
from trackway.web.api.entities import EntitiesOfProject, Lookups, Recounts
from trackway.web.api.health import Health
from trackway.web.api.jobs import ScheduledJobs
from trackway.web.api.live_stream import LiveStream
from trackway.web.api.members import Members
from trackway.web.api.models import ModelsOfProject
from trackway.web.api.money import Money
from trackway.web.api.personalize import PersonalizeApi, refusals_for_pages
from trackway.web.api.plans import TrackingPlan
from trackway.web.api.projects import Projects
from trackway.web.api.question_parameters import asked, common
from trackway.web.api.questions import Questions
from trackway.web.api.recommend import RecommendApi
from trackway.web.api.rules import RulesOfProject
from trackway.web.api.saved import SavedItems
from trackway.web.api.transfers import TransfersOfProject
from trackway.web.api.watched_segments import Watches
from trackway.web.auth.me import CurrentUser
from trackway.web.auth.openid import Provider
from trackway.web.auth.password_reset import PasswordReset
from trackway.web.auth.sign_in import SignIn
from trackway.web.server.caller import Authentication, Caller, allowed
from trackway.web.server.dashboard_files import Pages
from trackway.web.server.limits import Limits
from trackway.web.server.openapi import Structs, config, describe
from trackway.web.server.problems import HANDLERS

Asgi = Callable[[Any, Any, Any], Awaitable[None]]


ROUTES: list[type[Controller]] = [
    Health,
    SignIn,
    PasswordReset,
    CurrentUser,
    Projects,
    Members,
    PlatformAccounts,
    Requests,
    Permissions,
    AuditLog,
    Ask,
    Questions,
    RulesOfProject,
    SavedItems,
    BoardsOfProject,
    SharedBoards,
    LiveStream,
    TrackingPlan,
    DeadLetters,
    TransfersOfProject,
    EntitiesOfProject,
    Lookups,
    Recounts,
    Customers,
    CustomerMetrics,
    PersonalizeApi,
    RecommendApi,
    ModelsOfProject,
    Money,
    ConnectionsOfProject,
    Deliveries,
    OrdersOfProject,
    Watches,
    ScheduledJobs,
    Pages,
]


_GIVEN = ("runtime", "limits", "desk", "provider")
"""The parts of a running server that handlers get, by the names of their parameters."""


@cache
def unserved() -> tuple[Litestar, dict[str, Any]]:
    """Build the application for everything but the collector: half of the CPU time that a server needs to start.

    It depends on no data and no settings, so tests build it once for many servers, which are forks.

    Returns:
        the application, and an empty dict for the values of `_GIVEN`.
    """
    given: dict[str, Any] = {}
    app = Litestar(
        route_handlers=ROUTES,
        dependencies={
            **{name: _provided(given, name) for name in _GIVEN},
            "at_desk": Provide(at_desk),
            "common": Provide(common, sync_to_thread=False),
            "asked": Provide(asked, sync_to_thread=False),
            "store": Provide(store_of, sync_to_thread=True),
        },
        guards=[allowed],
        middleware=[DefineMiddleware(Authentication, exclude=["^/docs"])],
        exception_handlers=HANDLERS,
        before_send=[refusals_for_pages],
        openapi_config=config(),
        logging_config=None,  # the command decides how lines look, and a thread that writes them would be in no fork
        plugins=[Structs()],
        request_max_body_size=1024 * 1024,
    )
    return app, given


def _provided(given: dict[str, Any], name: str) -> Provide:
    return Provide(lambda: given[name], sync_to_thread=False)


def api(runtime: Runtime, limits: Limits) -> Litestar:
    """Return the application for everything but the collector, of the one server in this process."""
    app, given = unserved()
    given.update(
        runtime=runtime,
        limits=limits,
        desk=Desk(runtime.store, runtime.accounts.saved, runtime.recommender, runtime.version, Slots()),
        provider=Provider(runtime.settings, runtime.accounts.sign_ins, runtime.outgoing),
    )
    app.state["runtime"] = runtime
    return app


def document() -> dict[str, Any]:
    """Return the OpenAPI document without opening a store: for tools that generate code from it."""
    app, _ = unserved()
    describe(app)
    return app.openapi_schema.to_schema()


def store_of(project_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime) -> Store:
    """Return the store limited to the rows that the caller may see."""
    return runtime.store.within(request.user.policy(request.user.project(project_id)))


class PathHandler(Protocol):
    """An application that serves some paths of its own."""

    def serves(self, path: str) -> bool:
        """Whether this application serves a path."""
        ...

    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]: ...


def application(handlers: list[PathHandler], default: Asgi) -> Asgi:
    """Route each request to the first handler that serves its path, and all others to `default`."""

    def app(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        if scope["type"] == "http":
            for handler in handlers:
                if handler.serves(scope["path"]):
                    return handler(scope, receive, send)
        return default(scope, receive, send)

    return app
