"""One ASGI application: the collector beside the API and the pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from uuid import UUID

from litestar import Litestar, Request
from litestar.datastructures import State
from litestar.di import Provide
from litestar.middleware import DefineMiddleware

from trackway.analyze.concurrency import Slots
from trackway.analyze.desk import Desk
from trackway.store.connection import Store
from trackway.web.asking import Ask
from trackway.web.boards import BoardsOfProject, Shared
from trackway.web.caller import Authentication, Caller, allowed
from trackway.web.connections import ConnectionsOfProject, Deliveries, OrdersOfProject
from trackway.web.customers import Customers, Metrics
from trackway.web.described import config
from trackway.web.entities import EntitiesOfProject, Lookups, Recounting
from trackway.web.health import Health
from trackway.web.house import House
from trackway.web.jobs import Scheduled
from trackway.web.keeping import Keeping
from trackway.web.letters import DeadLetters
from trackway.web.limits import Limits
from trackway.web.members import Members
from trackway.web.money import Money
from trackway.web.myself import Myself
from trackway.web.pages import Pages
from trackway.web.planning import Planning
from trackway.web.platform import AuditLog, Permissions, PlatformAccounts, Requests
from trackway.web.problems import HANDLERS
from trackway.web.projects import Projects
from trackway.web.provider import Provider
from trackway.web.questions import Questions, asked
from trackway.web.resetting import Resetting
from trackway.web.signing_in import SigningIn
from trackway.web.streaming import Streaming
from trackway.web.transfers import TransfersOfProject
from trackway.web.turns import LimitConcurrency
from trackway.web.watches import Watches

Asgi = Callable[[Any, Any, Any], Awaitable[None]]


def api(house: House, limits: Limits) -> Litestar:
    """Everything but the collector."""
    slots = Slots()
    desk = Desk(house.store, house.accounts.saved, house.version, slots)
    provider = Provider(house.settings, house.accounts.sign_ins, house.outgoing)
    Questions.middleware = [LimitConcurrency(slots, desk.answers, desk.version)]
    return Litestar(
        route_handlers=[
            Health,
            SigningIn,
            Resetting,
            Myself,
            Projects,
            Members,
            PlatformAccounts,
            Requests,
            Permissions,
            AuditLog,
            Ask,
            Questions,
            Keeping,
            BoardsOfProject,
            Shared,
            Streaming,
            Planning,
            DeadLetters,
            TransfersOfProject,
            EntitiesOfProject,
            Lookups,
            Recounting,
            Customers,
            Metrics,
            Money,
            ConnectionsOfProject,
            Deliveries,
            OrdersOfProject,
            Watches,
            Scheduled,
            Pages,
        ],
        dependencies={
            "house": Provide(lambda: house, sync_to_thread=False),
            "desk": Provide(lambda: desk, sync_to_thread=False),
            "asked": Provide(asked, sync_to_thread=False),
            "limits": Provide(lambda: limits, sync_to_thread=False),
            "provider": Provide(lambda: provider, sync_to_thread=False),
            "store": Provide(store_of, sync_to_thread=True),
        },
        guards=[allowed],
        middleware=[DefineMiddleware(Authentication, exclude=["^/docs"])],
        exception_handlers=HANDLERS,
        state=State({"house": house}),
        openapi_config=config(),
        request_max_body_size=1024 * 1024,
    )


def store_of(project_id: UUID, request: Request[Caller, Any, Any], house: House) -> Store:
    """The store as the caller sees it."""
    return house.store.within(request.user.policy(request.user.project(project_id)))


class Door(Protocol):
    """An application for addresses of its own."""

    def serves(self, path: str) -> bool:
        """Whether an address is its own."""
        ...

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


def application(doors: list[Door], rest: Asgi) -> Asgi:
    """The doors for their own addresses, `rest` for all others."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            for door in doors:
                if door.serves(scope["path"]):
                    await door(scope, receive, send)
                    return
        await rest(scope, receive, send)

    return app
