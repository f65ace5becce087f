"""Projects and their keys. Access: see `Projects`."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, delete, get, patch, post
from litestar.params import Parameter

from trackway.govern.access.recommendation_keys import MOST_PRICE
from trackway.govern.tables import BadAccount
from trackway.operate.several import lock_elsewhere
from trackway.runtime import Runtime
from trackway.store.orders import own_currency
from trackway.web.auth.me import ProjectShown, show
from trackway.web.server.caller import SOMEBODY, Caller

Days = Annotated[int, Parameter(ge=1, le=3660)]


class NewProject(msgspec.Struct):
    """The properties of a new project."""

    name: str
    timezone: str = "UTC"
    currency: str = "USD"


class ProjectChange(msgspec.Struct):
    """Changes to a project; omitted fields stay as they are.

    `humans` are bot reasons that the project overrules. With `closed_register`, only views of registered entities
    count. `metrics` is a metrics pack: the name of an included one, or TOML. Pages of `embed_origins` may embed
    dashboards.
    """

    name: str | None = None
    timezone: str | None = None
    currency: str | None = None
    goals: list[str] | None = None
    humans: list[str] | None = None
    closed_register: bool | None = None
    metrics: str | None = None
    embed_origins: Annotated[list[str], msgspec.Meta(max_length=20)] | None = None


class NewKey(msgspec.Struct):
    """The kind of key to create. A `recommend` key opens `/v1/recommend` only, for `calls_per_day` calls (UTC), each at
    a `price` in the currency of the project.
    """

    kind: Literal["write", "secret", "embed", "recommend"]
    calls_per_day: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)] = 10_000
    price: Decimal = Decimal(0)


class KeyUsage(msgspec.Struct):
    """The calls of a recommendations key on a day (UTC), and what they cost (`amount`)."""

    key_id: str
    hint: str
    day: date
    calls: int
    calls_per_day: int
    price: Decimal
    amount: Decimal


class Keys(msgspec.Struct):
    """New keys in full; all but write keys are shown only now. `id` is set for a single key: the `kid` of its
    tokens.
    """

    project_id: str
    write_key: str = ""
    secret_key: str = ""
    embed_key: str = ""
    recommend_key: str = ""
    id: str = ""


class Projects(Controller):
    """`/api/v1/projects`: read by members of a project, its secret key and its accounts; created by administrators;
    changed by owners and administrators.
    """

    path = "/api/v1/projects"
    tags = ("projects",)

    @get("/", opt={"may": SOMEBODY}, sync_to_thread=True)
    def projects(self, request: Request[Caller, Any, Any]) -> list[ProjectShown]:
        """List the projects that the caller may see."""
        return [show(project, request.user) for project in request.user.projects()]

    @post("/", opt={"may": "install"}, sync_to_thread=True)
    def add(self, data: NewProject, request: Request[Caller, Any, Any], runtime: Runtime) -> Keys:
        """Create a project; the answer contains its keys."""
        project, write_key, secret_key = runtime.accounts.add_project(data.name, data.timezone, data.currency)
        own_currency(runtime.store, UUID(project.id), project.currency, lock_elsewhere(runtime.accounts, project))
        request.user.wrote("project made", project.name, project.id)
        return Keys(project.id, write_key, secret_key)

    @patch("/{project_id:uuid}", opt={"may": "control"}, sync_to_thread=True)
    def change(
        self, project_id: UUID, data: ProjectChange, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> ProjectShown:
        """Change name, time zone, currency, goals or other properties of a project.

        Answers about any period follow the change at once. A change of currency deletes the exchange rates.
        """
        fields = {name for name, value in msgspec.structs.asdict(data).items() if value is not None}
        changes = msgspec.structs.asdict(data)
        changes["overruled_bot_reasons"] = changes.pop("humans")
        changed = runtime.accounts.change_project(project_id, **changes, by=request.user.name)
        if own_currency(runtime.store, project_id, changed.currency, lock_elsewhere(runtime.accounts, changed)):
            fields.add("rates")  # the rates of the previous currency are deleted
        request.user.wrote("project changed", changed.name, project_id, fields=sorted(fields))
        return show(changed, request.user)

    @post("/{project_id:uuid}/keys", opt={"may": "control"}, sync_to_thread=True)
    def add_key(self, project_id: UUID, data: NewKey, request: Request[Caller, Any, Any], runtime: Runtime) -> Keys:
        """Create another key."""
        if not 0 <= data.price <= MOST_PRICE:
            raise BadAccount(f"price: {data.price} is not from 0 to {MOST_PRICE}")
        key, value = runtime.accounts.add_key(project_id, data.kind)
        if data.kind == "recommend":
            runtime.accounts.recommendation_keys.agree(key.id, data.calls_per_day, data.price)
        request.user.wrote("key made", f"{data.kind} {key.hint}", project_id)
        return Keys(str(project_id), id=key.id, **{f"{data.kind}_key": value})

    @get("/{project_id:uuid}/keys/usage", opt={"may": "control"}, sync_to_thread=True)
    def usage(self, project_id: UUID, runtime: Runtime, days: Days = 31) -> list[KeyUsage]:
        """List the calls of recommendations keys by day, the newest first."""
        since = datetime.now(UTC).date() - timedelta(days=days)
        return [
            KeyUsage(**one._asdict(), amount=one.calls * one.price)
            for one in runtime.accounts.recommendation_keys.usage(project_id, since)
        ]

    @delete("/{project_id:uuid}/keys/{key_id:str}", opt={"may": "control"}, sync_to_thread=True)
    def revoke_key(self, project_id: UUID, key_id: str, request: Request[Caller, Any, Any], runtime: Runtime) -> None:
        """Revoke a key."""
        revoked = runtime.accounts.revoke_key(project_id, key_id)
        request.user.wrote("key revoked", f"{revoked.kind} {revoked.hint}", project_id)
