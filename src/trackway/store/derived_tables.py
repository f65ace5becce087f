"""Derived tables: refilling them from the rows they are derived from, and a check that both agree.

The content of a derived table is defined by its materialized views. Their statements are read from the engine, so each
exists only once.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from uuid import UUID

from trackway.statements import Statements
from trackway.store.connection import Store
from trackway.store.orders import restate_all
from trackway.store.view_statements import statement_of, target_of

_sql = Statements(__name__)
_SESSIONS_WRITTEN_ONCE = _sql("sessions_written_once")
_SUMS = {
    "events": "SELECT count() FROM events",
    "event_counts": "SELECT sum(events) FROM event_counts",
    "visitors": "SELECT sum(events) FROM visitors",
    "activity": "SELECT sum(events) FROM activity",
    "person_hours": "SELECT sum(events) FROM person_hours",
}
_SESSION_SUMS = {
    "sessions": "SELECT count() FROM sessions FINAL WHERE NOT gone",
    "source_counts": "SELECT sum(sessions) FROM source_counts",
    "visitors": "SELECT sum(sessions) FROM visitors",
    "customers": "SELECT sum(sessions) FROM customers",
}
_ACTIONS = {
    "actions in events": _sql("count_actions"),
    "actions": "SELECT sum(actions) FROM actions",
}
_IN_SESSIONS = {
    "events of sessions": "SELECT count() FROM events WHERE notEmpty(session_id)",
    "sessions": "SELECT sum(events) FROM sessions FINAL WHERE NOT gone",
    "source_counts": "SELECT sum(events) FROM source_counts",
}


class Disagreement(NamedTuple):
    """A derived table whose sum differs from the sum of the rows."""

    table: str
    total: int
    rows: int


def disagreements(store: Store) -> list[Disagreement]:
    """Return the derived tables whose sums differ from those of events and sessions; none in a sound store.

    Raw views that were deleted after their retention (`view_archive`) stay in the counters, so a table may exceed the
    rows by their number.
    """
    purged = _number(store, "SELECT sum(views) FROM view_archive FINAL")
    differing = []
    for sums, allowed in ((_SUMS, purged), (_ACTIONS, purged), (_SESSION_SUMS, 0), (_IN_SESSIONS, purged)):
        (_, first), *others = sums.items()
        rows = _number(store, first)
        for table, statement in others:
            total = _number(store, statement)
            if not rows <= total <= rows + allowed:
                differing.append(Disagreement(table, total, rows))
    return differing


def _number(store: Store, statement: str) -> int:
    return int(store.ask(f"SELECT toInt64(({statement})) AS n")["n"][0].as_py() or 0)


def refill(store: Store) -> list[str]:
    """Empty every target table of a materialized view and fill it from events and sessions; return the table names.

    Nothing else may write meanwhile. It takes as long as inserting all rows once for each view.
    """
    views_by_target: dict[str, list[str]] = {}
    for view in store.each[0].ask(_sql("views"))["name"].to_pylist():
        views_by_target.setdefault(target_of(store, view), []).append(view)
    for target, views in views_by_target.items():
        store.everywhere(f"TRUNCATE TABLE {target}")
        for view in views:
            statement = re.sub(r"\bFROM sessions\b", f"FROM {_SESSIONS_WRITTEN_ONCE}", statement_of(store, view))
            store.everywhere(_sql("fill", table=target, statement=statement))
    for project_id in store.ask("SELECT DISTINCT project_id FROM orders")["project_id"].to_pylist():
        restate_all(store, project_id if isinstance(project_id, UUID) else UUID(bytes=project_id))
    store.persons.stale()
    return sorted(views_by_target)
