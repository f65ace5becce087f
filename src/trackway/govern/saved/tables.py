"""Tables of saved things: segments, questions, boards, annotations; and of connections, watches, transfers, jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from trackway.govern.tables import Base


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

    `config` holds the settings; `secret` (encrypted) is the key that signs deliveries, or the database's connection
    string. `taken` counts the reports that contained an order; `problem` is why the last report could not be taken, or
    empty.
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
    """A URL that is notified when people enter or leave a segment; requests to it are signed with `secret`
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


class StatedPreference(Base):
    """A key and a value that a user said they like (`likes`) or mute (not `likes`).

    A row without a key says since when interactions count for the user's preferences: those before were cleared.
    """

    __tablename__ = "stated_preferences"
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    value: Mapped[str] = mapped_column(String(200), primary_key=True)
    likes: Mapped[bool]
    at: Mapped[datetime]


class OptOut(Base):
    """A user who opted out of personalization, and when."""

    __tablename__ = "opt_outs"
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    at: Mapped[datetime]


class PackVersion(Base):
    """A version of a project's metrics pack: its text, or the name of an included one. `created_by` is empty for the
    pack that the project had at first.
    """

    __tablename__ = "pack_versions"
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    metrics: Mapped[str] = mapped_column(Text)
    created_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime]
