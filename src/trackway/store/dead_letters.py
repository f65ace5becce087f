"""Dead letters: messages that were acknowledged and that the pipeline cannot take. See docs/how-to/dead-letters.md."""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import pyarrow as pa

from trackway.event import Arrival, BadContext, Message, Millis, Packed, arrival_of, now, whole
from trackway.statements import Statements
from trackway.store.connection import Store, as_block
from trackway.store.refusals import QuestionFailed, StoreBusy
from trackway.store.view_statements import statement_of, target_of

logger = logging.getLogger("trackway.store.dead_letters")
_sql = Statements(__name__)

MOST_PROBES = 2_000


class DeadLetter(msgspec.Struct):
    """A message that is not stored, with the reason; the fields are the columns of `dead_letters`.

    Attributes:
        stage: the step that refused it: `enrich`, `store`, or `store` and the table of a derived row.
        body: the message as JSON, for people to read.
        record: the arrival with only this message, as the log keeps it, in base64; empty for a derived row.
        version: grows with the log offset, so that it does not depend on clocks. It is even; the next odd number marks
            the letter as gone.
    """

    project_id: bytes
    message_id: str
    received_at: Millis
    stage: str
    reason: str
    body: str
    record: str
    version: int
    gone: bool = False


_BEYOND_TIMES = 2**42
"""Added to new versions, so that they are higher than the old ones, which were times in milliseconds."""


def _version(last: int) -> int:
    return _BEYOND_TIMES + 2 * last


def letter(arrival: Arrival, message: Message | Packed, stage: str, reason: Exception | str, last: int) -> DeadLetter:
    """Return the dead letter of a message that a step refused; `last` is the log offset after its batch."""
    try:
        message = readable = whole(message)
    except BadContext:
        readable = whole(msgspec.structs.replace(message, context=msgspec.Raw(b"\x80")))  # the record keeps it
    alone = msgspec.structs.replace(arrival, messages=[message], rejections=[], violations=[])
    text = reason if isinstance(reason, str) else f"{type(reason).__name__}: {reason}"
    return DeadLetter(
        arrival.project_id, str(message.message_id), arrival.received_at, stage, text[:1000],
        msgspec.json.encode(readable).decode(), base64.b64encode(msgspec.msgpack.encode(alone)).decode(),
        _version(last),
    )  # fmt: skip


def of_row(table: str, row: dict[str, Any], reason: str, last: int) -> DeadLetter:
    """Return the dead letter of a derived row that the engine refused; the messages from which the row was derived are
    stored.
    """
    body = msgspec.json.encode(row, enc_hook=str).decode()
    name = str(row.get("message_id") or row.get("session_id") or row.get("order_id") or row.get("token") or body[:100])
    project = row.get("project_id") or bytes(16)
    at = row.get("received_at")
    received_at = int(at.timestamp() * 1000) if at is not None else now()
    return DeadLetter(project, name, received_at, f"store {table}", reason[:1000], body, "", _version(last))


class Key(NamedTuple):
    """The key of a dead letter. `version` tells it from a later letter of the same message and step."""

    project_id: UUID
    message_id: str
    stage: str
    version: int


class Letter(NamedTuple):
    """A dead letter as it is shown. One that is not `replayable` is a derived row, whose messages are stored."""

    key: Key
    received_at: datetime
    reason: str
    body: str
    replayable: bool


def listed(
    store: Store, project_id: UUID | None = None, message_id: str = "", stage: str = "", limit: int = 1000
) -> list[Letter]:
    """Return the dead letters, newest first."""
    rows = store.ask(
        _sql("listed"),
        {"project": project_id or UUID(int=0), "message": message_id, "stage": stage, "limit": limit},
    )
    return [
        Letter(Key(*list(row.values())[:4]), row["received_at"], row["reason"], row["body"], bool(row["replayable"]))
        for row in rows.to_pylist()
    ]


def keys(store: Store, project_id: UUID | None = None, message_id: str = "", stage: str = "") -> list[Key]:
    """Return the keys of all dead letters, oldest first."""
    rows = store.ask(
        _sql("keys"),
        {"project": project_id or UUID(int=0), "message": message_id, "stage": stage},
    )
    return [Key(*row.values()) for row in rows.to_pylist()]


def counts(store: Store) -> dict[UUID, int]:
    """Return the number of dead letters of each project that has any."""
    rows = store.ask("SELECT project_id, count() AS n FROM dead_letters FINAL GROUP BY project_id")
    return {row["project_id"]: row["n"] for row in rows.to_pylist()}


def count(store: Store, project_id: UUID | None = None) -> int:
    """Return the number of dead letters of one project, or of all."""
    by_project = counts(store)
    return sum(by_project.values()) if project_id is None else by_project.get(project_id, 0)


def remove(store: Store, letters: Sequence[Key], store_lock: AbstractContextManager[object]) -> None:
    """Mark dead letters as gone; a later one of the same message and step stays.

    Args:
        store_lock: `Loader.store_lock`; while it is held, the loader stores nothing and goes back to no checkpoint.
    """
    for group in _of_projects(letters):
        with store_lock:
            store.change(_sql("remove"), _parameters(group))


def replay(
    store: Store, letters: Sequence[Key], write: Callable[[Arrival], None], store_lock: AbstractContextManager[object]
) -> int:
    """Write the messages of dead letters to the log again and mark the letters as gone; return the number of messages.

    Letters of derived rows have no message and stay. A message that is refused again becomes a dead letter again.

    Args:
        write: appends an arrival to the log, durably.
        store_lock: as for `remove`; it keeps the loader from reading the messages before their letters are gone.
    """
    replayed = 0
    for group in _of_projects(letters):
        with store_lock:
            rows = store.ask(_sql("replay"), _parameters(group))
            done = []
            for row in rows.to_pylist():
                # Write to the log before removing: after a crash between the two, a second replay of the letter has no
                # effect.
                write(arrival_of(base64.b64decode(row.pop("record"))))
                done.append(Key(*row.values()))
            remove(store, done, store_lock)
            replayed += len(done)
    return replayed


_AT_ONCE = 500


def _of_projects(letters: Sequence[Key]) -> Iterator[list[Key]]:
    """Yield dead letters in groups; each group is of one project and small enough for one statement."""
    for project_id in {key.project_id for key in letters}:
        own = [key for key in letters if key.project_id == project_id]
        for start in range(0, len(own), _AT_ONCE):
            yield own[start : start + _AT_ONCE]


def _parameters(letters: list[Key]) -> dict[str, object]:
    return {
        "project": letters[0].project_id,
        "messages": [key.message_id for key in letters],
        "stages": [key.stage for key in letters],
        "versions": [key.version for key in letters],
    }


class Sifted(NamedTuple):
    """A block divided into the rows that the engine takes and those that it refuses, each with the engine's reason."""

    sound: pa.Table
    refused: list[tuple[dict[str, Any], str]]


def sift(store: Store, table: str, rows: pa.Table) -> Sifted | None:
    """Find the rows of a block that the engine refuses, by inserting halves of it into tables that keep nothing.

    The probe has the columns of `table` and the statements of its materialized views, so that it refuses what they
    refuse. It changes nothing.

    Returns:
        None when the rows are not the cause: the engine refuses everything, or takes the block now.
    """
    probe = _Probe(store.each[0], table, f"probe{store.scratch}_{table}")
    try:
        if probe.refuses_default(rows.schema.names[0]):
            return None
        refused = probe.refused(rows, 0)
    except _NotTheRows:
        return None
    finally:
        probe.close()
    if not refused:
        return None
    bad = [position for position, _ in refused]
    sound = rows.filter(pa.array([position not in set(bad) for position in range(rows.num_rows)]))
    return Sifted(sound, [(rows.slice(position, 1).to_pylist()[0], reason) for position, reason in refused])


class _NotTheRows(Exception):
    """The engine has other trouble, or it refuses so many rows that the rows cannot be the cause."""


NOT_THE_ROWS = frozenset(
    "QUERY_WAS_CANCELLED MEMORY_LIMIT_EXCEEDED CANNOT_ALLOCATE_MEMORY TIMEOUT_EXCEEDED NOT_ENOUGH_SPACE "
    "CANNOT_OPEN_FILE CANNOT_SCHEDULE_TASK TOO_MANY_PARTS UNKNOWN_SETTING SETTING_CONSTRAINT_VIOLATION READONLY".split()
)


class _Probe:
    """A copy of a table, and of the views on it, that keeps nothing; `name` is that of the copy."""

    def __init__(self, store: Store, table: str, name: str) -> None:
        self._store, self._table, self._name, self._left = store, table, name, MOST_PROBES
        self._created: list[str] = []
        views = store.ask(_sql("views_on"), {"name": table})["view"].to_pylist()
        self._create(f"CREATE TABLE {self._name} AS {table} ENGINE = Null", "TABLE", self._name)
        for number, view in enumerate(views):
            target, name = f"{self._name}_to_{number}", f"{self._name}_view_{number}"
            into = target_of(store, view)
            self._create(f"CREATE TABLE {target} AS {into} ENGINE = Null", "TABLE", target)
            statement = re.sub(rf"\bFROM {table}\b", f"FROM {self._name}", statement_of(store, view))
            self._create(f"CREATE MATERIALIZED VIEW {name} TO {target} AS {statement}", "VIEW", name)

    def _create(self, statement: str, kind: str, name: str) -> None:
        self._store.command(f"DROP {kind} IF EXISTS {name}")  # a process that died may have left it
        self._store.command(statement)
        self._created.insert(0, f"{kind} {name}")

    def refuses_default(self, column: str) -> bool:
        """Whether the engine refuses even a row of default values."""
        try:
            self._store.command(f"INSERT INTO {self._name} ({column}) VALUES (DEFAULT)")
        except QuestionFailed:
            return True
        return False

    def refused(self, rows: pa.Table, first: int) -> list[tuple[int, str]]:
        """Return the positions of refused rows and the engine's reasons; `first` is the block position of `rows`."""
        self._left -= 1
        if self._left < 0:
            raise _NotTheRows
        try:
            self._store.insert(self._name, as_block(rows), "")
        except QuestionFailed as error:
            if isinstance(error, StoreBusy) or error.code in NOT_THE_ROWS:
                raise _NotTheRows from error
            if rows.num_rows == 1:
                return [(first, error.full)]
            half = rows.num_rows // 2
            return self.refused(rows.slice(0, half), first) + self.refused(rows.slice(half), first + half)
        return []

    def close(self) -> None:
        """Drop the tables and views of the probe."""
        for kind_and_name in self._created:
            self._store.command(f"DROP {kind_and_name}")
        self._created = []
