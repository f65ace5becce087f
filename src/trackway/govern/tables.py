"""Tables of the accounts database: small, relational and transactional. SQLite by default; PostgreSQL if the DSN says
so.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


def moment() -> datetime:
    """Return the current time as the accounts database stores times: UTC without a time zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def said(at: datetime | None) -> str | None:
    """Format a stored time for the API: ISO 8601 with `Z`."""
    return None if at is None else at.isoformat() + "Z"


def hashed(secret: str) -> str:
    """Hash a random secret for storage: SHA-256 in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


class BadAccount(ValueError):
    """An invalid or impossible request about a user, project, key or account; the text names the problem and the
    remedy.
    """


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
    humans: Mapped[list[str]] = mapped_column(JSON, default=list)
    closed_register: Mapped[bool] = mapped_column(default=False)
    metrics: Mapped[str] = mapped_column(Text, default="concerts")
    embed_origins: Mapped[list[str]] = mapped_column(JSON, default=list)
    created_at: Mapped[datetime]
    keys: Mapped[list[Key]] = relationship(back_populates="project", order_by="Key.created_at")


class Key(Base):
    """A key of a project. A write key is public and stored as it is; a secret key is stored only as a hash; an `embed`
    key, by which the host signs tokens, is stored encrypted.
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
    """The sign-in of one browser: the method, the address and user agent, and the time of the last request. The
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


class Segment(Base):
    """A saved filter (`live`), or a list of people under a name (`list`), usable in every question."""

    __tablename__ = "segments"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(10))
    filter: Mapped[Any] = mapped_column(JSON)
    created_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime]


class SavedQuestion(Base):
    """A saved question: a name and the body for `POST …/ask`."""

    __tablename__ = "questions"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(String(200))
    ask: Mapped[Any] = mapped_column(JSON)
    created_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime]


class Board(Base):
    """A board: tiles, and the period and filters that they share. A removed board can be restored."""

    __tablename__ = "boards"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(String(200))
    body: Mapped[Any] = mapped_column(JSON)
    created_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    removed_at: Mapped[datetime | None] = mapped_column(default=None)


class Share(Base):
    """A link that shows a board to everybody who has it; its token is stored only as a hash."""

    __tablename__ = "shares"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    board_id: Mapped[str] = mapped_column(ForeignKey("boards.id"))
    token: Mapped[str] = mapped_column(String(64), unique=True)
    created_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None] = mapped_column(default=None)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)


class WrittenPlan(Base):
    """One version of a project's tracking plan; the highest version is in force."""

    __tablename__ = "plans"
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[Any] = mapped_column(JSON)
    created_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime]


class Annotation(Base):
    """A note about a moment, shown beside numbers."""

    __tablename__ = "annotations"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    at: Mapped[datetime]
    text: Mapped[str] = mapped_column(String(500))
    created_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime]


class Transfer(Base):
    """An import or export of a file, and its progress.

    `state` is waiting, running, done, failed or cancelled. `done` and `total` count the bytes of an import and the rows
    of an export.
    """

    __tablename__ = "transfers"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    kind: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(200))
    form: Mapped[str] = mapped_column(String(20))
    asked: Mapped[Any] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(10))
    done: Mapped[int] = mapped_column(BigInteger, default=0)
    total: Mapped[int] = mapped_column(BigInteger, default=0)
    outcome: Mapped[Any] = mapped_column(JSON, default=dict)
    message: Mapped[str] = mapped_column(String(1000), default="")
    created_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None] = mapped_column(default=None)


class Connection(Base):
    """A source of a project's orders: a shop or payment provider that reports by webhook, or a database.

    `config` holds the settings; `secret` (encrypted) is the key that signs deliveries, or the database's address.
    `taken` counts the reports that contained an order; `problem` is why the last report could not be taken, or empty.
    """

    __tablename__ = "connections"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(200))
    config: Mapped[Any] = mapped_column(JSON, default=dict)
    secret: Mapped[str] = mapped_column(String(2000))
    active: Mapped[bool] = mapped_column(default=True)
    taken: Mapped[int] = mapped_column(BigInteger, default=0)
    last_at: Mapped[datetime | None] = mapped_column(default=None)
    problem: Mapped[str] = mapped_column(String(1000), default="")
    created_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime]


class Watch(Base):
    """An address that is notified when people enter or leave a segment; requests to it are signed with `secret`
    (encrypted).

    `segment` is the id of a saved segment or the name of a built-in one; `inside` is the number of people in it at the
    last check.
    """

    __tablename__ = "watches"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    segment: Mapped[str] = mapped_column(String(100))
    url: Mapped[str] = mapped_column(String(2000))
    secret: Mapped[str] = mapped_column(String(500))
    active: Mapped[bool] = mapped_column(default=True)
    inside: Mapped[int | None] = mapped_column(default=None)
    last_at: Mapped[datetime | None] = mapped_column(default=None)
    problem: Mapped[str] = mapped_column(String(1000), default="")
    created_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime]


class Job(Base):
    """A recurring job: its schedule (cron, UTC), whether it is active, and the result of the last run.

    The process that runs it holds its lease until `leased_until`.
    """

    __tablename__ = "jobs"
    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    schedule: Mapped[str] = mapped_column(String(100))
    active: Mapped[bool] = mapped_column(default=True)
    last_run_at: Mapped[datetime | None] = mapped_column(default=None)
    next_run_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(10), default="")
    message: Mapped[str] = mapped_column(String(1000), default="")
    duration_s: Mapped[float] = mapped_column(default=0.0)
    leased_by: Mapped[str] = mapped_column(String(64), default="")
    leased_until: Mapped[datetime | None] = mapped_column(default=None)


class JobRun(Base):
    """One run of a job; `by` is its schedule, or the user who started it."""

    __tablename__ = "job_runs"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(ForeignKey("jobs.name"))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    status: Mapped[str] = mapped_column(String(10))
    message: Mapped[str] = mapped_column(String(1000), default="")
    duration_s: Mapped[float] = mapped_column(default=0.0)
    by: Mapped[str] = mapped_column(String(320))


class SentDigest(Base):
    """A record that a digest of an entity's views was sent on a day."""

    __tablename__ = "sent_digests"
    project_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    entity_type: Mapped[str] = mapped_column(String(255), primary_key=True)
    entity_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)


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

    `id` is the host's id; `entities` are pairs of type and id; `email` is the address of the user who signs in here for
    the account; tokens issued before `tokens_since` are invalid.
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
