"""The accounts database: small, relational, transactional; SQLite by default, PostgreSQL by address."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


def moment() -> datetime:
    """Now, as the accounts database keeps times: UTC without saying so."""
    return datetime.now(UTC).replace(tzinfo=None)


def said(at: datetime | None) -> str | None:
    """A time that the accounts database kept, as the API says it."""
    return None if at is None else at.isoformat() + "Z"


def hashed(secret: str) -> str:
    """A secret that is random, as it is kept: SHA-256 in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


class BadAccount(ValueError):
    """A user, project, key or account that cannot be made, found or changed so; the text says which and what to do."""


class Base(DeclarativeBase):
    """All tables of the accounts database."""


class User(Base):
    """Somebody who may sign in: with a password (a hash; empty when they have none), by passkey or by OpenID Connect.

    `totp` is the sealed secret of their authenticator application; empty without one.
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
    """A key of a project. A write key is public and kept as it is; of a secret key only its hash is kept; one that the
    host signs tokens with (`embed`) is kept sealed.
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
    """A user who is not an administrator may see this project, in a role (govern/access/permissions.py)."""

    __tablename__ = "memberships"
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(10), default="analyst")


class Invitation(Base):
    """Somebody is asked to be a member, or to sign in for an account; the link's token is kept only as a hash."""

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
    """One browser that is signed in; the cookie's value is kept only as a hash. How it was signed in, where, when it
    was last seen.
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
    """A saved filter (`live`), or the name of a list of people (`list`), usable in every question."""

    __tablename__ = "segments"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(10))
    filter: Mapped[Any] = mapped_column(JSON)
    created_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime]


class SavedQuestion(Base):
    """A question under a name: everything that it was asked with, as the one door for questions takes it."""

    __tablename__ = "questions"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(String(200))
    ask: Mapped[Any] = mapped_column(JSON)
    created_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime]


class Board(Base):
    """A page that somebody put together: tiles, and the period and filters they share. Removed ones can come back."""

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
    """A link that shows a board to whoever has it; its token is kept only as a hash."""

    __tablename__ = "shares"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    board_id: Mapped[str] = mapped_column(ForeignKey("boards.id"))
    token: Mapped[str] = mapped_column(String(64), unique=True)
    created_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None] = mapped_column(default=None)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)


class WrittenPlan(Base):
    """One version of a project's tracking plan; the highest holds."""

    __tablename__ = "plans"
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[Any] = mapped_column(JSON)
    created_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime]


class Annotation(Base):
    """What happened at a moment, to be shown beside numbers."""

    __tablename__ = "annotations"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    at: Mapped[datetime]
    text: Mapped[str] = mapped_column(String(500))
    created_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime]


class Transfer(Base):
    """A file that comes in (`import`) or goes out (`export`), and how far it has got.

    `state` is waiting, running, done, failed or cancelled; `done` of `total` is bytes of an import, rows of an export.
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
    """Where orders of a project come from: a shop or payment provider that reports by webhook, or a database.

    `config` says how, `secret` (sealed) is what deliveries are signed with or the database's address. `taken` counts
    reports that said something; `problem` is why the last one could not be taken, or empty.
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
    """Who hears when people enter or leave a segment: an address that is posted to, signed with `secret` (sealed).

    `segment` is the id of a saved segment or the name of a ready one; `inside` counts who was in it at the last look.
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
    """Work that is done again and again: when (cron, UTC), whether at all, and what became of the last time.

    Whoever runs it holds its lease until `leased_until`.
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
    """One time that a job was run: `by` its schedule, or by whom."""

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
    """A digest of an entity's views that was sent on a day."""

    __tablename__ = "sent_digests"
    project_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    entity_type: Mapped[str] = mapped_column(String(255), primary_key=True)
    entity_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)


class Passkey(Base):
    """A passkey of a user: its public key, and how often it was used (WebAuthn's signature counter)."""

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
    """Something that is good once and for a short while: a challenge, a state, a recovery code, a code that was used.

    Only its hash is kept; `body` is what belongs to it.
    """

    __tablename__ = "one_uses"
    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    user_id: Mapped[str] = mapped_column(String(36), default="")
    body: Mapped[Any] = mapped_column(JSON, default=dict)
    expires_at: Mapped[datetime]


class OutsideIdentity(Base):
    """Who a user is to an OpenID Connect provider."""

    __tablename__ = "outside_identities"
    issuer: Mapped[str] = mapped_column(String(255), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))


class Account(Base):
    """Somebody in the product being measured: an artist, a venue, a fan. `id` is the host's; `entities` are pairs of
    type and id; `email` of the user who signs in for it here; tokens issued before `tokens_since` are no good.
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
    """What a type of account may see in a project, where that is not as the metrics pack says."""

    __tablename__ = "permissions"
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    account_type: Mapped[str] = mapped_column(String(20), primary_key=True)
    permission: Mapped[str] = mapped_column(String(20), primary_key=True)
    granted: Mapped[bool]
    verification: Mapped[str] = mapped_column(String(10))
    subscription: Mapped[str] = mapped_column(String(12))


class AccountRequest(Base):
    """An account asks to be of another type, with business information; an administrator decides."""

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
    """What somebody did: the database refuses to change or delete a row. Without a project it is of all of them."""

    __tablename__ = "audit"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    at: Mapped[datetime]
    project_id: Mapped[str] = mapped_column(String(36), default="")
    actor: Mapped[str] = mapped_column(String(320))
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(320), default="")
    detail: Mapped[Any] = mapped_column(JSON, default=dict)
    address: Mapped[str] = mapped_column(String(64), default="")
