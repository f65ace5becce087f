"""Accounts of the product's users, their permissions and requests, and the audit log."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, delete, get, post, put
from litestar.exceptions import NotFoundException, PermissionDeniedException
from litestar.params import Parameter

from trackway.govern.access.accounts import NewAccount
from trackway.govern.access.audit import ACTIONS
from trackway.govern.access.permissions import NO, TYPES, AccountType, Gate, Subscription, Verdict, Verification
from trackway.govern.metric_packs import Pack, pack_of
from trackway.govern.tables import Account, AccountRequest, Project, iso_time
from trackway.runtime import Runtime
from trackway.web.server.caller import SOMEBODY, Caller

Limit = Annotated[int, Parameter(ge=1, le=1000)]
Offset = Annotated[int, Parameter(ge=0, le=10_000_000)]


class AccountShown(msgspec.Struct):
    """An account with its permissions, each with the missing requirement, if any; `granted` lists those that it has."""

    id: str
    type: str
    name: str
    verification: str
    subscription: str
    expires_at: str | None
    business: dict[str, Any]
    entities: list[tuple[str, str]]
    email: str
    suspended: bool
    created_at: str
    permissions: dict[str, Verdict]
    granted: list[str]


class PermissionShown(msgspec.Struct):
    """Whether an account has a permission now; if not, the missing requirement."""

    account: str
    permission: str
    granted: bool
    lacks: str
    needs: str


class AccountsShown(msgspec.Struct):
    """A page of accounts, the number of matches, the number of accounts of each type, and of pending requests."""

    accounts: list[AccountShown]
    total: int
    types: dict[str, int]
    pending: int


class GateShown(msgspec.Struct):
    """A gate of an account type: whether it has the permission, and the lowest verification and subscription for it."""

    account_type: str
    permission: str
    what: str
    granted: bool
    verification: str
    subscription: str


class GateChange(msgspec.Struct, forbid_unknown_fields=True):
    """A change to a gate; with `reset`, the gate of the metrics pack applies again."""

    granted: bool = True
    verification: Verification = "none"
    subscription: Subscription = "free"
    reset: bool = False


class NewRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The requested account type, and information about the business."""

    type: AccountType
    business: dict[str, Any]


class RequestShown(msgspec.Struct):
    """A request for another account type, and its decision."""

    id: str
    account: str
    type: str
    business: dict[str, Any]
    state: str
    note: str
    decided_by: str
    created_at: str
    decided_at: str | None


class Decision(msgspec.Struct, forbid_unknown_fields=True):
    """A decision, with a note to the account that asked."""

    approved: bool
    note: Annotated[str, msgspec.Meta(max_length=1000)] = ""


class EntryShown(msgspec.Struct):
    """An entry of the audit log."""

    id: str
    at: str
    project: str
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    address: str


def _account(runtime: Runtime, project: Project, account: Account) -> AccountShown:
    verdicts = runtime.accounts.platform.verdicts(project, account)
    return AccountShown(
        account.id, account.type, account.name, account.verification, account.subscription,
        iso_time(account.expires_at), account.business, [(kind, id_) for kind, id_ in account.entities],
        account.email, account.suspended, iso_time(account.created_at) or "", verdicts,
        [name for name, verdict in verdicts.items() if verdict.granted],
    )  # fmt: skip


def _request(account_request: AccountRequest) -> RequestShown:
    return RequestShown(
        account_request.id, account_request.account_id, account_request.type, account_request.business,
        account_request.state, account_request.note, account_request.decided_by,
        iso_time(account_request.created_at) or "", iso_time(account_request.decided_at),
    )  # fmt: skip


class PlatformAccounts(Controller):
    """`/api/v1/projects/{project_id}/accounts`: for owners, administrators and the secret key."""

    path = "/api/v1/projects/{project_id:uuid}/accounts"
    tags = ("accounts",)

    @get("/", opt={"may": "manage"}, sync_to_thread=True)
    def accounts(
        self,
        project_id: UUID,
        request: Request[Caller, Any, Any],
        runtime: Runtime,
        search: str = "",
        account_type: Annotated[str, Parameter(query="type")] = "",
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> AccountsShown:
        """List accounts with their permissions."""
        project, platform = request.user.project(project_id), runtime.accounts.platform
        accounts, total = platform.all(project_id, search, account_type, limit, offset)
        pending = len(platform.requests(project_id, state="pending"))
        return AccountsShown(
            [_account(runtime, project, account) for account in accounts], total, platform.count(project_id), pending
        )

    @get("/{account_id:str}", opt={"may": "manage"}, sync_to_thread=True)
    def account(
        self, project_id: UUID, account_id: str, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> AccountShown:
        """Return an account."""
        return _account(runtime, request.user.project(project_id), _account_of(runtime, project_id, account_id))

    @get("/{account_id:str}/permissions/{permission:str}", opt={"may": "manage"}, sync_to_thread=True)
    def has_permission(
        self, project_id: UUID, account_id: str, permission: str, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> PermissionShown:
        """Return whether an account has one of Trackway's permissions or a key of the host now."""
        project = request.user.project(project_id)
        verdict = runtime.accounts.platform.has_permission(project, account_id, permission)
        return PermissionShown(account_id, permission, verdict.granted, verdict.lacks, verdict.needs)

    @put("/{account_id:str}", opt={"may": "manage"}, sync_to_thread=True)
    def put(
        self,
        project_id: UUID,
        account_id: Annotated[str, Parameter(min_length=1, max_length=255)],
        data: NewAccount,
        request: Request[Caller, Any, Any],
        runtime: Runtime,
    ) -> AccountShown:
        """Create or replace an account. Existing tokens follow the change at once."""
        account, _ = runtime.accounts.platform.put(project_id, account_id, data)
        fields = msgspec.to_builtins(data)
        detail = {name: fields[name] for name in ("type", "verification", "subscription", "expires_at", "suspended")}
        request.user.wrote("account changed", account_id, project_id, **detail, entities=len(data.entities))
        return _account(runtime, request.user.project(project_id), account)

    @delete("/{account_id:str}", opt={"may": "manage"}, sync_to_thread=True)
    def remove(self, project_id: UUID, account_id: str, request: Request[Caller, Any, Any], runtime: Runtime) -> None:
        """Remove an account; its tokens stop working."""
        if not runtime.accounts.platform.remove(project_id, account_id):
            raise NotFoundException(f"there is no account {account_id!r}")
        request.user.wrote("account removed", account_id, project_id)

    @post("/{account_id:str}/revoke-tokens", opt={"may": "manage"}, status_code=204, sync_to_thread=True)
    def revoke(self, project_id: UUID, account_id: str, request: Request[Caller, Any, Any], runtime: Runtime) -> None:
        """Revoke every token of the account that was issued until now."""
        if not runtime.accounts.platform.revoke_tokens(project_id, account_id):
            raise NotFoundException(f"there is no account {account_id!r}")
        request.user.wrote("tokens revoked", account_id, project_id)


class Requests(Controller):
    """`/api/v1/projects/{project_id}/account-requests`: created by an account for itself, decided by owners and
    administrators.
    """

    path = "/api/v1/projects/{project_id:uuid}/account-requests"
    tags = ("accounts",)

    @get("/", opt={"may": SOMEBODY}, sync_to_thread=True)
    def requests(
        self,
        project_id: UUID,
        request: Request[Caller, Any, Any],
        runtime: Runtime,
        request_state: Annotated[str, Parameter(query="state")] = "",
    ) -> list[RequestShown]:
        """List requests, the newest first: an account's own, or all for callers with the permission `manage`."""
        project = request.user.project(project_id)
        account = request.user.account(project)
        if account is None:
            request.user.need(project, "manage")
        requests = runtime.accounts.platform.requests(project_id, account.id if account else "", request_state)
        return [_request(account_request) for account_request in requests]

    @post("/", opt={"may": SOMEBODY}, sync_to_thread=True)
    def ask(
        self, project_id: UUID, data: NewRequest, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> RequestShown:
        """Request another type for the account that the caller is signed in as."""
        account = request.user.account(request.user.project(project_id))
        if account is None:
            raise PermissionDeniedException(
                "only the account itself can request a type: with its token, or signed in for it"
            )
        account_request = runtime.accounts.platform.request(account, data.type, data.business)
        request.user.wrote("type requested", account.id, project_id, type=data.type)
        return _request(account_request)

    @post("/{request_id:uuid}", opt={"may": "control"}, status_code=200, sync_to_thread=True)
    def decide(
        self, project_id: UUID, request_id: UUID, data: Decision, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> RequestShown:
        """Decide a request. An approved account has the new type at once."""
        account_request = runtime.accounts.platform.decide(
            project_id, str(request_id), data.approved, data.note, request.user.name
        )
        request.user.wrote(
            "request decided",
            account_request.account_id,
            project_id,
            state=account_request.state,
            type=account_request.type,
        )
        return _request(account_request)


class Permissions(Controller):
    """`/api/v1/projects/{project_id}/permissions`: the permissions of each account type. Reading needs `manage`;
    changing needs `control`.
    """

    path = "/api/v1/projects/{project_id:uuid}/permissions"
    tags = ("accounts",)

    @get("/", opt={"may": "manage"}, sync_to_thread=True)
    def table(self, project_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime) -> list[GateShown]:
        """List every account type with every permission, and with the keys of the host that it has a gate for."""
        project = request.user.project(project_id)
        gates, pack = runtime.accounts.platform.gates(project), pack_of(project.metrics)
        return [
            _gate(pack, kind, name, gates.get(kind, {}).get(name, NO))
            for kind in TYPES
            for name in pack.named
            if name not in pack.keys or name in gates.get(kind, {})
        ]

    @put("/{account_type:str}/{permission:str}", opt={"may": "control"}, sync_to_thread=True)
    def change(
        self,
        project_id: UUID,
        account_type: str,
        permission: str,
        data: GateChange,
        request: Request[Caller, Any, Any],
        runtime: Runtime,
    ) -> GateShown:
        """Set the gate of a permission for an account type; it applies at once."""
        project, platform = request.user.project(project_id), runtime.accounts.platform
        gate = None if data.reset else Gate(data.granted, data.verification, data.subscription)
        before = platform.set_gate(project, account_type, permission, gate)
        after = platform.gates(project).get(account_type, {}).get(permission, NO)
        request.user.wrote(
            "permission changed", f"{account_type}: {permission}", project_id,
            before=msgspec.to_builtins(before), after=msgspec.to_builtins(after),
        )  # fmt: skip
        return _gate(pack_of(project.metrics), account_type, permission, after)


class AuditLog(Controller):
    """`/api/v1/projects/{project_id}/audit`: for owners; administrators also see entries that belong to other projects
    or to none.
    """

    path = "/api/v1/projects/{project_id:uuid}/audit"
    tags = ("accounts",)

    @get("/", opt={"may": "control"}, sync_to_thread=True)
    def entries(
        self,
        project_id: UUID,
        request: Request[Caller, Any, Any],
        runtime: Runtime,
        search: str = "",
        before: str = "",
        limit: Limit = 100,
    ) -> list[EntryShown]:
        """List the newest entries, or those before an entry. Nobody can change or remove an entry."""
        caller = request.user
        everywhere = caller.role(caller.project(project_id)) == "administrator"
        entries = runtime.accounts.audit.entries(project_id, search, before, limit, everywhere)
        return [
            EntryShown(entry.id, iso_time(entry.at) or "", entry.project_id, entry.actor, entry.action, entry.subject,
                       entry.detail, entry.address)
            for entry in entries
        ]  # fmt: skip

    @get("/actions", opt={"may": "control"}, sync_to_thread=False)
    def actions(self, project_id: UUID) -> list[str]:  # noqa: ARG002
        """List all actions that are logged."""
        return list(ACTIONS)


def _gate(pack: Pack, account_type: str, permission: str, gate: Gate) -> GateShown:
    description = pack.named[permission]
    return GateShown(account_type, permission, description, gate.granted, gate.verification, gate.subscription)


def _account_of(runtime: Runtime, project_id: UUID, account_id: str) -> Account:
    account = runtime.accounts.platform.get(project_id, account_id)
    if account is None:
        raise NotFoundException(f"there is no account {account_id!r}")
    return account
