"""Tables of the accounts database: small, relational and transactional. SQLite by default; PostgreSQL if the DSN says
so.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from trackway.timezones import time_zone


def utc_now() -> datetime:
    """Return the current time as the accounts database stores times: UTC without a time zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def iso_time(at: datetime | None) -> str | None:
    """Format a stored time for the API: ISO 8601 with `Z`."""
    return None if at is None else at.isoformat() + "Z"


def hashed(secret: str) -> str:
    """Hash a random secret for storage: SHA-256 in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


class BadAccount(ValueError):
    """An invalid or impossible request about a user, project, key or account; the text names the problem and the
    remedy.
    """


def check_timezone(name: str) -> None:
    """Raise BadAccount unless this is the name of a time zone."""
    try:
        time_zone(name)
    except ValueError as error:
        raise BadAccount(str(error)) from error


class Base(DeclarativeBase):
    """The base class of all tables of the accounts database."""


class User(Base):
    """A user who may sign in: with a password (stored as a hash; empty when they have none), a passkey or OpenID
    Connect.

    `totp` is the encrypted secret of their authenticator application; empty without one.
    """

    __tablename__ = "users"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    password: Mapped[str] = mapped_column(String(200))
    is_admin: Mapped[bool] = mapped_column(default=False)
    totp: Mapped[str] = mapped_column(String(500), default="")
    created_at: Mapped[datetime]


class Project(Base):
    """One product being measured."""

    __tablename__ = "projects"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")
    currency: Mapped[str] = mapped_column(String(3), default="USD")
    goals: Mapped[list[str]] = mapped_column(JSON, default=list)
    overruled_bot_reasons: Mapped[list[str]] = mapped_column("humans", JSON, default=list)
    closed_register: Mapped[bool] = mapped_column(default=False)
    metrics: Mapped[str] = mapped_column(Text, default="concerts")
    metrics_version: Mapped[int] = mapped_column(default=1, server_default="1")
    embed_origins: Mapped[list[str]] = mapped_column(JSON, default=list)
    loader: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[datetime]
    keys: Mapped[list[Key]] = relationship(back_populates="project", order_by="Key.created_at")


class Key(Base):
    """A key of a project. A write key is public and stored as it is; a secret key is stored only as a hash; an `embed`
    key, by which the host signs tokens, is stored encrypted; a `recommend` key opens recommendations only, and is
    stored as a hash.
    """

    __tablename__ = "keys"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    kind: Mapped[str] = mapped_column(String(10))
    value: Mapped[str] = mapped_column(String(500), unique=True)
    hint: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)
    project: Mapped[Project] = relationship(back_populates="keys")


class Membership(Base):
    """Permission of a user who is not an administrator to see a project, with a role (govern/access/permissions.py)."""

    __tablename__ = "memberships"
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(10), default="analyst")


class Invitation(Base):
    """An invitation to be a member or to sign in for an account; the link's token is stored only as a hash."""

    __tablename__ = "invitations"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    email: Mapped[str] = mapped_column(String(320))
    role: Mapped[str] = mapped_column(String(10))
    account_id: Mapped[str] = mapped_column(String(255), default="")
    token: Mapped[str] = mapped_column(String(64), unique=True)
    created_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None] = mapped_column(default=None)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)


class SignIn(Base):
    """The sign-in of one browser: the method, the IP address and user agent, and the time of the last request. The
    cookie's value is stored only as a hash.
    """

    __tablename__ = "sign_ins"
    id: Mapped[str] = mapped_column(String(36), default="")
    way: Mapped[str] = mapped_column(String(20), default="password")
    address: Mapped[str] = mapped_column(String(64), default="")
    agent: Mapped[str] = mapped_column(String(300), default="")
    seen_at: Mapped[datetime | None] = mapped_column(default=None)
    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    csrf: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class WrittenPlan(Base):
    """One version of a project's tracking plan; the highest version is in force."""

    __tablename__ = "plans"
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[Any] = mapped_column(JSON)
    created_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime]


class Passkey(Base):
    """A user's passkey: its public key, and WebAuthn's signature counter."""

    __tablename__ = "passkeys"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(1024), unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary(2048))
    counter: Mapped[int] = mapped_column(BigInteger, default=0)
    name: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None] = mapped_column(default=None)


class OneUse(Base):
    """A token that works once and for a limited time: a challenge, a state, a recovery code, a used code.

    Only its hash is stored; `body` holds the data that belongs to it.
    """

    __tablename__ = "one_uses"
    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    user_id: Mapped[str] = mapped_column(String(36), default="")
    body: Mapped[Any] = mapped_column(JSON, default=dict)
    expires_at: Mapped[datetime]


class OutsideIdentity(Base):
    """The link between a user and a subject of an OpenID Connect provider."""

    __tablename__ = "outside_identities"
    issuer: Mapped[str] = mapped_column(String(255), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))


class Account(Base):
    """An account of the product being measured: an artist, a venue, a fan.

    `id` is the host's id; `entities` are pairs of type and id; `email` is the e-mail address of the user who signs in
    here for the account; tokens issued before `tokens_since` are invalid.
    """

    __tablename__ = "accounts"
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    type: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(200), default="")
    verification: Mapped[str] = mapped_column(String(10), default="none")
    subscription: Mapped[str] = mapped_column(String(12), default="free")
    expires_at: Mapped[datetime | None] = mapped_column(default=None)
    business: Mapped[Any] = mapped_column(JSON, default=dict)
    entities: Mapped[Any] = mapped_column(JSON, default=list)
    email: Mapped[str] = mapped_column(String(320), default="")
    suspended: Mapped[bool] = mapped_column(default=False)
    tokens_since: Mapped[datetime | None] = mapped_column(default=None)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class PermissionRow(Base):
    """A project's gate for an account type and a permission; it overrides that of the metrics pack."""

    __tablename__ = "permissions"
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    account_type: Mapped[str] = mapped_column(String(20), primary_key=True)
    permission: Mapped[str] = mapped_column(String(20), primary_key=True)
    granted: Mapped[bool]
    verification: Mapped[str] = mapped_column(String(10))
    subscription: Mapped[str] = mapped_column(String(12))


class AccountRequest(Base):
    """A request of an account for another type, with business information; an owner or administrator decides it."""

    __tablename__ = "account_requests"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    account_id: Mapped[str] = mapped_column(String(255))
    type: Mapped[str] = mapped_column(String(20))
    business: Mapped[Any] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(10), default="pending")
    note: Mapped[str] = mapped_column(String(1000), default="")
    decided_by: Mapped[str] = mapped_column(String(320), default="")
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None] = mapped_column(default=None)


class AuditEntry(Base):
    """An entry of the audit log. The database refuses to change or delete rows. An empty project means the
    installation.
    """

    __tablename__ = "audit"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    at: Mapped[datetime]
    project_id: Mapped[str] = mapped_column(String(36), default="")
    actor: Mapped[str] = mapped_column(String(320))
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(320), default="")
    detail: Mapped[Any] = mapped_column(JSON, default=dict)
    address: Mapped[str] = mapped_column(String(64), default="")
