"""The effect of late sign-outs on stored rows: a visitor's events in a range of time get another identity, and claims
of the old identity are deleted. A claim records a user's sign-in on a visitor (`trackway.enrich.identity`).
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pyarrow as pa

from trackway.enrich.identity import Separated, Visitor
from trackway.event import Millis
from trackway.statements import Statements
from trackway.store.connection import Store
from trackway.store.moved_events import rewrite, scratch

_sql = Statements(__name__)


def separate(store: Store, separated: list[Separated], token: str) -> None:
    """Give stored events other identities, and change their sessions, orders, counters and claims accordingly.

    Repeating it with the same token, after it was done wholly or in part, changes nothing. The number of statements
    does not depend on the number of visitors.

    Raises:
        QuestionFailed: the engine refused a statement; call again with the same token.
    """
    if not separated:
        return
    values = rewrite(store, scratch(store, "late_sign_outs"), _rows(separated), token)
    for name in (
        "correct_activity", "correct_person_hours", "correct_actions", "correct_session_hours", "correct_customers",
    ):  # fmt: skip
        store.everywhere(_own(store, name, token=token), values)
    store.everywhere(_own(store, "move_orders"), values)
    store.command(_own(store, "restate_order_totals"), values)
    for name in ("update_events", "update_sessions"):
        store.everywhere(_own(store, name), values)
    _drop_claims(store, values)
    store.persons.stale()


def _drop_claims(store: Store, values: dict[str, int]) -> None:
    """Delete claims of the old identity."""
    for shard in store.each:
        for database in shard.ask(_own(store, "database_with_claims"), values)["place"].to_pylist():
            shard.command(_own(store, "delete_claims", database=database))


def _own(store: Store, name: str, **structure: str) -> str:
    """Return a statement about the loader's own table of late sign-outs."""
    return _sql(name, **structure).replace("late_sign_outs", scratch(store, "late_sign_outs"))


def _rows(separated: Sequence[Separated]) -> pa.Table:
    """Return one row for each visitor, because the table keeps one row for each key."""
    stretches: dict[Visitor, list[tuple[Millis, Millis, int]]] = {}
    for stretch in separated:
        stretches.setdefault(stretch.visitor, []).append((stretch.since, stretch.until, stretch.identity))
    return pa.table(
        {
            "key": pa.array([f"{UUID(bytes=project_id)}{visitor_id}" for project_id, visitor_id in stretches]),
            "project_id": pa.array([project_id for project_id, _ in stretches], pa.binary(16)),
            "visitor_id": pa.array([visitor_id for _, visitor_id in stretches], pa.string()),
            "since": pa.array(
                [[since for since, _, _ in of_visitor] for of_visitor in stretches.values()], pa.list_(pa.int64())
            ),
            "until": pa.array(
                [[until for _, until, _ in of_visitor] for of_visitor in stretches.values()], pa.list_(pa.int64())
            ),
            "identity": pa.array(
                [[new for _, _, new in of_visitor] for of_visitor in stretches.values()], pa.list_(pa.uint64())
            ),
        }
    )
