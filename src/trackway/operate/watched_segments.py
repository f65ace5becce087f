"""Watched segments: posts the people who entered or left a segment since the last check to a URL, each change at
least once.

The first check posts nothing; it only sets the starting point. Posts are signed in Stripe's scheme:
`X-Trackway-Signature: t=TIME,v1=HMAC-SHA256(secret, TIME.BODY)`. A change is recorded only after the URL has
accepted it. An undelivered change is therefore posted again at the next check, with the same id if nothing else has
changed.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pyarrow as pa

from trackway.analyze.customers.customers import named, people
from trackway.analyze.desk import saved_filter
from trackway.analyze.language.filters import inlined, read
from trackway.analyze.language.period import BadQuestion, period
from trackway.analyze.language.question import Question
from trackway.collect.orders.webhooks import stripe_signature
from trackway.event import now
from trackway.govern.database import GovernDatabase
from trackway.govern.saved.tables import Watch
from trackway.govern.tables import Project, utc_now
from trackway.outgoing import Outgoing
from trackway.statements import Statements
from trackway.store.connection import Store
from trackway.store.refusals import QuestionFailed

_sql = Statements(__name__)

logger = logging.getLogger("trackway.operate")

AT_ONCE = 500
_ROWS = pa.schema([
    ("project_id", pa.binary(16)), ("watch_id", pa.binary(16)), ("identity", pa.uint64()), ("inside", pa.bool_()),
    ("version", pa.uint64()),
])  # fmt: skip


def watch(accounts: GovernDatabase, store: Store, outgoing: Outgoing, at: datetime) -> str:
    """Check every watched segment; a failed notification is repeated at the next check. Returns a summary."""
    projects = {project.id: project for project in accounts.projects()}
    reported = failed = 0
    for watched in accounts.watches.all():
        if not watched.active or watched.project_id not in projects:
            continue
        try:
            changes, inside = _look(accounts, store, outgoing, projects[watched.project_id], watched, at)
            reported += changes
            accounts.watches.change(watched.id, inside=inside, last_at=utc_now(), problem="")
        except (OSError, ValueError, BadQuestion, QuestionFailed) as error:
            logger.warning("the watch %s could not be notified: %s", watched.id, error)
            accounts.watches.change(watched.id, problem=str(error)[:1000])
            failed += 1
    return f"{reported} people entered or left" + (f"; {failed} watches will be notified again" if failed else "")


def question_of(accounts: GovernDatabase, project: Project, segment: str, at: datetime) -> Question:
    """Build a question about the customers of a segment, by the segment's id.

    Raises:
        BadQuestion: there is no such segment.
    """
    project_id = UUID(project.id)
    node = read(inlined({"segment": segment}, lambda segment_id: saved_filter(accounts.saved, project_id, segment_id)))
    return Question.of(project, period("all", project.timezone, at), node)


def _look(
    accounts: GovernDatabase, store: Store, outgoing: Outgoing, project: Project, watched: Watch, at: datetime
) -> tuple[int, int]:
    """Post the people who entered or left. Returns their number and the number of people in the segment."""
    question = question_of(accounts, project, watched.segment, at)
    inside = set(people(store, question))
    if watched.inside is None:
        _write(store, watched, dict.fromkeys(inside, True))
        return 0, len(inside)
    before = _before(store, watched)
    # A person merged since then was recorded under another id; any of a person's ids counts.
    earlier = set(before.values())
    entered, left = sorted(inside - earlier), sorted(earlier - inside)
    changes = [(person, True) for person in entered] + [(person, False) for person in left]
    secret = accounts.watches.secret(watched)
    numbers: dict[int, list[int]] = {}
    for identity, person in before.items():
        numbers.setdefault(person, []).append(identity)
    for start in range(0, len(changes), AT_ONCE):
        batch = changes[start : start + AT_ONCE]
        customers = named(store, question, [person for person, _ in batch])
        entering, leaving = ([customers[n] for n, is_in in batch if is_in is wanted] for wanted in (True, False))
        _post(outgoing, watched, secret, at, entering, leaving)
        _write(store, watched, {
            identity: is_in for person, is_in in batch for identity in ([person] if is_in else numbers[person])
        })  # fmt: skip
    return len(changes), len(inside)


def _before(store: Store, watched: Watch) -> dict[int, int]:
    """Return the people recorded as inside: the recorded identity, and the person that it belongs to now."""
    store.persons.refresh()
    rows = store.ask(
        _sql("before"),
        {"project": UUID(watched.project_id), "watch": UUID(watched.id)},
    )
    return dict(zip(rows["identity"].to_pylist(), rows["person"].to_pylist(), strict=True))


def _write(store: Store, watched: Watch, inside: dict[int, bool]) -> None:
    if not inside:
        return
    version = now()
    count = len(inside)
    columns = [
        pa.repeat(pa.scalar(UUID(watched.project_id).bytes, pa.binary(16)), count),
        pa.repeat(pa.scalar(UUID(watched.id).bytes, pa.binary(16)), count),
        pa.array(list(inside), pa.uint64()),
        pa.array(list(inside.values()), pa.bool_()),
        pa.repeat(pa.scalar(version, pa.uint64()), count),
    ]
    store.put("watch_members", pa.table(columns, schema=_ROWS), f"watch-{watched.id}-{version}")


def _post(outgoing: Outgoing, watched: Watch, secret: str, at: datetime, entered: list[Any], left: list[Any]) -> None:
    """Post a change. Raises Refused or Unreachable when it is not delivered or not accepted."""
    change_id = hashlib.blake2b(msgspec.json.encode([watched.id, entered, left]), digest_size=16).hexdigest()
    body = msgspec.json.encode({
        "id": change_id, "watch": watched.id, "segment": watched.segment, "project": watched.project_id, "at": at,
        "entered": entered, "left": left,
    })  # fmt: skip
    outgoing.post(watched.url, {"x-trackway-signature": signature(secret, body)}, body)


def signature(secret: str, body: bytes) -> str:
    """Build the signature header, with the time of the post."""
    stamp = str(int(datetime.now(UTC).timestamp()))
    return f"t={stamp},v1={stripe_signature(secret, stamp, body)}"


def forget(store: Store, project_id: UUID, watch_id: UUID) -> None:
    """Delete the recorded members of a watch that was removed."""
    store.change(
        "ALTER TABLE watch_members DELETE WHERE project_id = {project:UUID} AND watch_id = {watch:UUID}",
        {"project": project_id, "watch": watch_id},
        everywhere=True,
    )
