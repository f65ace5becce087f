"""Accounts of the product's own users (artists, venues, fans): their type, their entities, and their permissions to see
analytics.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, sessionmaker

from trackway.event import new_id
from trackway.govern.access.permissions import (
    NO,
    TYPES,
    AccountState,
    AccountType,
    Gate,
    Subscription,
    Verdict,
    Verification,
    verdicts,
)
from trackway.govern.metric_packs import pack_of
from trackway.govern.tables import Account, AccountRequest, BadAccount, PermissionRow, Project, utc_now

MOST_OWN = 1000
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class OwnedEntity(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """An entity that belongs to an account."""

    type: _Id
    id: _Id


class NewAccount(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An account, as the host application describes it.

    `expires_at` ends the subscription; the user with the e-mail address `email` may sign in here for the account.
    """

    type: AccountType
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    verification: Verification = "none"
    subscription: Subscription = "free"
    expires_at: datetime | None = None
    business: dict[str, Any] = {}
    entities: Annotated[list[OwnedEntity], msgspec.Meta(max_length=MOST_OWN)] = []
    email: Annotated[str, msgspec.Meta(max_length=320)] = ""
    suspended: bool = False


class PlatformAccounts:
    """Accounts of projects, their permissions and their requests for another type."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions

    # Accounts

    def put(self, project_id: UUID, account_id: str, new: NewAccount) -> tuple[Account, bool]:
        """Create or replace an account. Returns the account and whether it is new."""
        with self._sessions.begin() as session:
            existing = session.get(Account, (str(project_id), account_id))
            account = existing or Account(project_id=str(project_id), id=account_id, created_at=utc_now())
            for name, value in msgspec.structs.asdict(new).items():
                setattr(account, name, value)
            account.expires_at = _utc(new.expires_at)
            account.entities = [[entity.type, entity.id] for entity in new.entities]
            account.email = new.email.strip().lower()
            account.updated_at = utc_now()
            session.add(account)
        return account, existing is None

    def get(self, project_id: UUID | str, account_id: str) -> Account | None:
        """Return an account, or None."""
        with self._sessions() as session:
            return session.get(Account, (str(project_id), account_id))

    def of_email(self, email: str) -> list[Account]:
        """Return every account for which the user with this e-mail address may sign in."""
        with self._sessions() as session:
            return list(session.scalars(select(Account).where(Account.email == email).order_by(Account.created_at)))

    def all(
        self, project_id: UUID, search: str = "", type_: str = "", limit: int = 100, offset: int = 0
    ) -> tuple[list[Account], int]:
        """Return a page of a project's accounts, by name, and the total number of matches."""
        conditions = [Account.project_id == str(project_id)]
        if type_:
            conditions.append(Account.type == type_)
        if search:
            columns = (Account.id, Account.name, Account.email)
            conditions.append(or_(*(column.icontains(search, autoescape=True) for column in columns)))
        statement = select(Account).where(*conditions).order_by(Account.name, Account.id).limit(limit).offset(offset)
        with self._sessions() as session:
            total = session.scalar(select(func.count()).select_from(Account).where(*conditions)) or 0
            return list(session.scalars(statement)), total

    def count(self, project_id: UUID) -> dict[str, int]:
        """Count a project's accounts by type."""
        statement = select(Account.type, func.count()).where(Account.project_id == str(project_id))
        with self._sessions() as session:
            return {row[0]: row[1] for row in session.execute(statement.group_by(Account.type))}

    def remove(self, project_id: UUID, account_id: str) -> bool:
        """Remove an account. Returns False when there is none with this id."""
        with self._sessions.begin() as session:
            account = session.get(Account, (str(project_id), account_id))
            if account is not None:
                session.delete(account)
            return account is not None

    def revoke_tokens(self, project_id: UUID, account_id: str) -> bool:
        """Revoke every token of an account that was issued until now. Returns False when there is no such account."""
        with self._sessions.begin() as session:
            account = session.get(Account, (str(project_id), account_id))
            if account is not None:
                account.tokens_since = utc_now()
            return account is not None

    # Permissions

    def gates(self, project: Project) -> dict[str, dict[str, Gate]]:
        """Return the gates of a project by account type and permission. A gate of the project overrides that of its
        metrics pack.
        """
        gates_by_type: dict[str, dict[str, Gate]] = {
            str(kind): dict(of) for kind, of in pack_of(project.metrics).permissions.items()
        }
        with self._sessions() as session:
            for row in session.scalars(select(PermissionRow).where(PermissionRow.project_id == project.id)):
                gate = msgspec.convert(
                    {"granted": row.granted, "verification": row.verification, "subscription": row.subscription}, Gate
                )
                gates_by_type.setdefault(row.account_type, {})[row.permission] = gate
        return gates_by_type

    def set_gate(self, project: Project, account_type: str, permission: str, gate: Gate | None) -> Gate:
        """Set the gate of a permission for an account type in a project, or with None return to the gate of the metrics
        pack. Returns the gate that held before.

        Raises:
            BadAccount: there is no such type or permission.
        """
        if account_type not in TYPES or permission not in pack_of(project.metrics).named:
            raise BadAccount(f"there is no permission {permission!r} for accounts of type {account_type!r}")
        before = self.gates(project).get(account_type, {}).get(permission, NO)
        key = (project.id, account_type, permission)
        with self._sessions.begin() as session:
            row = session.get(PermissionRow, key)
            if gate is None:
                if row is not None:
                    session.delete(row)
            else:
                session.merge(PermissionRow(**dict(zip(("project_id", "account_type", "permission"), key, strict=True)),
                                            granted=gate.granted, verification=gate.verification,
                                            subscription=gate.subscription))  # fmt: skip
        return before

    def verdicts(self, project: Project, account: Account) -> dict[str, Verdict]:
        """Return a verdict for each permission to see and each key of the host: whether the account has it now, or what
        it lacks.
        """
        now = datetime.now(UTC).replace(tzinfo=None)
        return verdicts(account_state(account), self.gates(project), pack_of(project.metrics).opens, now)

    def has_permission(self, project: Project, account_id: str, permission: str) -> Verdict:
        """Return whether an account has a permission or a key of the host now, and if not, what it lacks.

        Raises:
            BadAccount: there is no such account or permission.
        """
        if permission not in (permissions := pack_of(project.metrics).named):
            raise BadAccount(f"there is no permission {permission!r}; the permissions are {', '.join(permissions)}")
        account = self.get(project.id, account_id)
        if account is None:
            raise BadAccount(f"there is no account {account_id!r}")
        return self.verdicts(project, account)[permission]

    # Requests for another account type

    def request(self, account: Account, type_: AccountType, business: dict[str, Any]) -> AccountRequest:
        """Request another account type. Raises BadAccount when a request is pending or nothing would change."""
        if type_ in (account.type, "admin"):
            raise BadAccount(f"an account of type {account.type} cannot request the type {type_}")
        with self._sessions.begin() as session:
            pending = select(AccountRequest).where(
                AccountRequest.project_id == account.project_id, AccountRequest.account_id == account.id,
                AccountRequest.state == "pending",
            )  # fmt: skip
            if session.scalar(pending):
                raise BadAccount("this account already has a pending request")
            request = AccountRequest(
                id=str(new_id()), project_id=account.project_id, account_id=account.id, type=type_, business=business,
                created_at=utc_now(),
            )  # fmt: skip
            session.add(request)
        return request

    def requests(self, project_id: UUID | str, account_id: str = "", state: str = "") -> list[AccountRequest]:
        """Return the newest 500 requests of a project or of one account, the newest first."""
        statement = select(AccountRequest).where(AccountRequest.project_id == str(project_id))
        if account_id:
            statement = statement.where(AccountRequest.account_id == account_id)
        if state:
            statement = statement.where(AccountRequest.state == state)
        with self._sessions() as session:
            return list(session.scalars(statement.order_by(AccountRequest.id.desc()).limit(500)))

    def decide(self, project_id: UUID, request_id: str, approved: bool, note: str, by: str) -> AccountRequest:
        """Approve or refuse a request. Approval gives the account the requested type and business information.

        Raises:
            BadAccount: there is no such request, or it has been decided.
        """
        with self._sessions.begin() as session:
            request = session.get(AccountRequest, request_id)
            if request is None or request.project_id != str(project_id):
                raise BadAccount(f"there is no request {request_id}")
            if request.state != "pending":
                raise BadAccount(f"the request was {request.state} by {request.decided_by}")
            request.state = "approved" if approved else "refused"
            request.note, request.decided_by, request.decided_at = note, by, utc_now()
            account = session.get(Account, (request.project_id, request.account_id))
            if approved and account is not None:
                account.type, account.business, account.updated_at = request.type, request.business, utc_now()
        return request


def account_state(account: Account) -> AccountState:
    """Return the properties of an account that `verdict` decides by."""
    return AccountState(account.type, account.verification, account.subscription, account.expires_at, account.suspended)


def _utc(at: datetime | None) -> datetime | None:
    return at if at is None or at.tzinfo is None else at.astimezone(UTC).replace(tzinfo=None)
